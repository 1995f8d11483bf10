#include "CAllocator.h"

// Read by jemalloc before the first allocation (jemalloc(3), TUNING): two arenas, as there are few threads, and unused
// pages go back to the kernel within a second.
const char *malloc_conf = "narenas:2,dirty_decay_ms:1000,muzzy_decay_ms:0";
