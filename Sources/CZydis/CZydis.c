#include "CZydis.h"
