// heaptap's own allocator: jemalloc, in place of libc's.
//
// Probes that observe more than one process are on every use of the same libc. Were heaptap's own blocks libc's, each
// of its calls would trap into the kernel, and it would be the first to fall behind.
#pragma once
