#!/bin/bash
# Eight threads move blocks about in one arena for 10 seconds, three times: what heaptap says of the
# program must be what the program says of itself. Usage: threads.sh [SECONDS [RUNS]]  (as root)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
heaptap=${HEAPTAP_BINARY:-$here/../../.build/debug/heaptap}
workloads=${HEAPTAP_WORKLOADS:-$here/../Workloads/build}
seconds=${1:-10}
runs=${2:-3}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

wrong=0
for ((run = 1; run <= runs; run++)); do
  "$heaptap" run --exact --json --top 1000000 --output "$scratch/reports" -- \
    "$workloads/thread_reallocs" "$seconds" > "$scratch/truth"
  python3 - "$run" "$scratch" <<'PYTHON' || wrong=1
import json
import sys

run, scratch = sys.argv[1:]
truth = {}
for line in open(f"{scratch}/truth"):
    key, value = line.split()
    truth[key] = int(value)
last = json.loads(open(f"{scratch}/reports").readlines()[-1])
# What libc and ld.so allocate for the threads themselves is not the program's.
own = [site for site in last["sites"] if site["stack"][0]["module"] == "thread_reallocs"]
keys = ["allocated_blocks", "allocated_bytes", "freed_blocks", "freed_bytes", "live_blocks",
        "live_bytes"]
differences = {key: sum(site[key] for site in own) - truth[key] for key in keys}
print(f"run {run}: {truth['allocated_blocks']} allocations, {truth['live_blocks']} live;",
      "differences:", {key: value for key, value in differences.items() if value} or "none;",
      "lost:", last["lost"]["by_reason"] or "none")
sys.exit(any(differences.values()) or last["lost"]["total"] > 0)
PYTHON
done
exit $wrong
