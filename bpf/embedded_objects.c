#include "ProbeABI.h"
