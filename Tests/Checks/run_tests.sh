#!/bin/bash
# Runs a command that runs Swift Testing, shows all it prints and leaves one line of counts in .build/test-results/KIND.count.
# Fails when the command does, and when it ran no test at all.
set -uo pipefail
kind=$1
shift

results=.build/test-results
mkdir -p "$results"
log=$results/$kind.log
SECONDS=0
"$@" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}

# Swift Testing marks each test `✔ Test NAME passed after …`, `✘ Test NAME failed after …` or `➜ Test NAME skipped: …`.
awk -v kind="$kind" -v seconds="$SECONDS" -v status="$status" '
  { gsub(/\033\[[0-9;]*m/, "") }
  $2 != "Test" || $3 == "run" || $3 == "case" { next }
  / passed after [0-9.]+ seconds/ { passed++; next }
  / failed after [0-9.]+ seconds/ { failed++; next }
  / skipped(:|\.|$)/ { skipped++ }
  END {
    ran = passed + failed
    printf "  %-7s %d run: %d passed, %d failed; %d skipped; %d s%s\n", kind, ran, passed, failed, skipped, seconds,
      status != 0 && failed == 0 ? "; ended early, see above" : ""
    exit ran == 0
  }' "$log" >"$results/$kind.count"
none_ran=$?
cat "$results/$kind.count"
if [ "$none_ran" != 0 ]; then
  echo "make: no $kind test ran" >&2
  exit 1
fi
exit "$status"
