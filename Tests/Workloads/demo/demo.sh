#!/bin/bash
# Starts a leaking service as an unprivileged user and watches it from outside, as its operator would (`make demo`).
# Fails unless the last table puts the leaking function first. HEAPTAP is the binary to use.
set -euo pipefail
heaptap=${HEAPTAP:-.build/release/heaptap}
here=$(dirname "${BASH_SOURCE[0]}")
leak=remember_session
sound='refresh_cache|fill_pool'

folder=$(mktemp -d)
service=
end() {
  if [ -n "$service" ]; then
    kill "$service" 2>/dev/null || true
    wait "$service" 2>/dev/null || true
  fi
  rm -rf "$folder"
}
trap end EXIT

# The service's user has to reach the executable, and heaptap to find its symbols.
chmod 755 "$folder"
"${CC:-gcc}" -std=gnu17 -O1 -g -fno-omit-frame-pointer -fno-inline -Wall -Werror \
  -o "$folder/leaky_service" "$here/leaky_service.c"

setpriv --reuid=nobody --regid=nogroup --clear-groups --no-new-privs "$folder/leaky_service" &
service=$!
sleep 1
if ! kill -0 "$service" 2>/dev/null; then
  echo "demo: the service ended before it could be watched" >&2
  exit 1
fi

echo "leaky_service runs as $(ps -o user= -p "$service" | xargs) with process id $service. Somebody notices that it grows:"
echo
echo "# heaptap watch --pid $service --interval 2 --count 8 --top 3"
"$heaptap" watch --pid "$service" --interval 2 --count 8 --top 3 | tee "$folder/output"

# Sites are ranked, so the first function of the service that the last table names is the suspect. A table begins with
# the line of its target; mappings come after the sites.
first=$(awk -v target="  pid $service  " -v names="$leak|$sound" '
  index($0, target) { first = ""; in_sites = 1 }
  /^Mappings outside/ { in_sites = 0 }
  in_sites && first == "" && match($0, names) { first = substr($0, RSTART, RLENGTH) }
  END { print first }' "$folder/output")
if [ "$first" != "$leak" ]; then
  echo "demo: expected $leak in the first row of the last table, found ${first:-no function of the service}" >&2
  exit 1
fi
line=$(grep -n 'calloc(' "$here/leaky_service.c" | cut -d: -f1)
if ! grep -q "$leak  .*leaky_service.c:$line\$" "$folder/output"; then
  echo "demo: expected $leak with leaky_service.c:$line, where it allocates" >&2
  exit 1
fi
echo "The first row names the leak: $leak keeps every session it allocates, and who holds them is said; the cache and the pool stay as they are."
