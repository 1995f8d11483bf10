#!/bin/bash
# Says in one sentence what is wrong with the given `swift`, if anything is.
set -u
swift=${1:-}
needed=6.3

if [ "$(uname -s) $(uname -m)" != "Linux x86_64" ]; then
  echo "make: heaptap builds on Linux on x86-64 only; this is $(uname -s) on $(uname -m)" >&2
  exit 1
fi
if [ -z "$swift" ]; then
  echo "make: no Swift compiler on PATH, in /opt/swift, /usr/local/swift* or the caller's login shell;" \
    "install Swift $needed (https://swift.org/install) or say where it is: make SWIFT=/path/to/swift …" >&2
  exit 1
fi
version=$("$swift" --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p')
if [ -z "$version" ] || [ "$(printf '%s\n' "$needed" "$version" | sort -V | head -n 1)" != "$needed" ]; then
  echo "make: $swift is ${version:+version }${version:-no Swift compiler}; heaptap needs Swift $needed or newer" >&2
  exit 1
fi
