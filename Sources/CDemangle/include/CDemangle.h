// Demanglers: libiberty's for C++ and Rust, the Swift runtime's for Swift.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Write the readable form of a NUL-terminated symbol, NUL-terminated, into a buffer. False: it is no symbol of that
/// language, nests too deeply, or needs more than `capacity` bytes.
bool cdemangle_cplusplus(const char *_Nonnull symbol, char *_Nonnull buffer, size_t capacity);
bool cdemangle_rust(const char *_Nonnull symbol, char *_Nonnull buffer, size_t capacity);
bool cdemangle_swift(const char *_Nonnull symbol, size_t length, char *_Nonnull buffer, size_t capacity);
