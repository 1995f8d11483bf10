// zlib's public interface.
#pragma once
#include <zlib.h>
