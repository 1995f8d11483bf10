#!/bin/bash
# Compiles every workload of this folder that is newer than its program, and what is in libraries/: build.sh OUTDIR
set -eu

source=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: build.sh OUTDIR}
mkdir -p "$out"
out=$(cd "$out" && pwd)

flags=(-O0 -g -fno-builtin -fno-omit-frame-pointer -fno-inline -Wall -Wextra -Werror -D_GNU_SOURCE -pthread)
without_frame_pointers=(-O2 -fomit-frame-pointer)

set_own_flags() { # set_own_flags NAME: what is added to the flags for this one
  own=()
  case $1 in
    deep_frames | stale_frames | interrupted | thread_frames | generated_code) own=("${without_frame_pointers[@]}") ;;
    library_a | library_b | constructor) own=("${without_frame_pointers[@]}") ;;
    lazy_caller) own=("${without_frame_pointers[@]}" "-Wl,-z,lazy") ;;
    # These open libraries that are beside them.
    reused_addresses | load_constructor | lazy_binding)
      own=("${without_frame_pointers[@]}" "-Wl,-rpath,\$ORIGIN") ;;
  esac
}

stale() { # stale TARGET SOURCE...: a source, a header or this script is newer than the target
  target=$1
  shift
  [ ! -e "$target" ] && return 0
  [ -n "$(find "$@" "$source"/*.h "$source"/bench/*.h "$source/build.sh" -newer "$target")" ]
}

for file in "$source"/*.c; do
  name=$(basename "$file" .c)
  set_own_flags "$name"
  stale "$out/$name" "$file" && gcc -std=gnu17 "${flags[@]}" "${own[@]}" -o "$out/$name" "$file"
done

for file in "$source"/*.cpp; do
  name=$(basename "$file" .cpp)
  stale "$out/$name" "$file" && g++ -std=gnu++17 "${flags[@]}" -o "$out/$name" "$file"
done

for file in "$source"/libraries/*.c; do
  name=$(basename "$file" .c)
  set_own_flags "$name"
  stale "$out/$name.so" "$file" &&
    gcc -std=gnu17 "${flags[@]}" "${own[@]}" -fPIC -shared -o "$out/$name.so" "$file" -ldl
done

# Programs of allocators other than glibc's: linked with them, with them inside, or for another libc.
allocators=$source/allocators
cxx=(g++ -std=gnu++17 "${flags[@]}" -Wno-mismatched-new-delete)
for name in operators caught; do
  stale "$out/$name" "$allocators/$name.cpp" && "${cxx[@]}" -o "$out/$name" "$allocators/$name.cpp"
  stale "$out/${name}_jemalloc" "$allocators/$name.cpp" &&
    "${cxx[@]}" -o "$out/${name}_jemalloc" "$allocators/$name.cpp" -l:libjemalloc.a -lm -ldl
  stale "$out/${name}_tcmalloc" "$allocators/$name.cpp" &&
    "${cxx[@]}" -o "$out/${name}_tcmalloc" "$allocators/$name.cpp" \
      -Wl,--whole-archive -l:libtcmalloc_minimal.a -Wl,--no-whole-archive
  stale "$out/${name}_static" "$allocators/$name.cpp" &&
    "${cxx[@]}" -static -o "$out/${name}_static" "$allocators/$name.cpp"
done
for pair in jemalloc_api:jemalloc mimalloc_api:mimalloc prefixed:c; do
  name=${pair%:*}
  stale "$out/$name" "$allocators/$name.c" &&
    gcc -std=gnu17 "${flags[@]}" -o "$out/$name" "$allocators/$name.c" "-l${pair#*:}"
done
for name in mix realloc_grow mix_static; do
  [[ $name = *_static ]] && own=(-static) || own=()
  stale "$out/musl_$name" "$source/${name%_static}.c" &&
    musl-gcc -std=gnu17 "${flags[@]}" "${own[@]}" -o "$out/musl_$name" "$source/${name%_static}.c"
done

stale "$out/server_static" "$source/server.c" &&
  gcc -std=gnu17 "${flags[@]}" -static -s -o "$out/server_static" "$source/server.c"

# What is measured, optimised as programs are, but without losing pairs of malloc and free.
mkdir -p "$out/bench"
measured=(-O1 -g -fno-builtin -Wall -Wextra -Werror -D_GNU_SOURCE -pthread)
for name in churn threads calloc_list small inserts; do
  stale "$out/bench/$name" "$source/bench/$name.c" &&
    gcc -std=gnu17 "${measured[@]}" -o "$out/bench/$name" "$source/bench/$name.c" \
      -Wl,--as-needed -lsqlite3
done
stale "$out/bench/reads.so" "$source/bench/reads.c" &&
  gcc -std=gnu17 "${measured[@]}" -fPIC -shared -o "$out/bench/reads.so" "$source/bench/reads.c" -ldl
stale "$out/bench/map" "$source/bench/map.cpp" &&
  g++ -std=gnu++17 "${measured[@]}" -o "$out/bench/map" "$source/bench/map.cpp"

if stale "$out/pause32" "$source/pause32.S"; then
  as --32 -o "$out/pause32.o" "$source/pause32.S"
  ld -m elf_i386 -o "$out/pause32" "$out/pause32.o"
  rm "$out/pause32.o"
fi
exit 0
