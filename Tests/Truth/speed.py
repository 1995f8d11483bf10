#!/usr/bin/env python3
"""Inspects a large heap, and prints how fast that was and what memory it took.

Usage: speed.py [--blocks 1000000,10000000] [--rounds 3] [COMMAND...]
(as root; HEAPTAP_BINARY as in Tests/README.md: a release, or the times are those of a debug build)

A row for each number of blocks of `programs/large_heap.c` and each command: seconds in all and of the stop, blocks a
second, bytes of heap a second, CPU time over time (2: both processors all the time), and bytes of memory for each block
beside the copy of the heap. The median of the rounds.
Exit status: 0 all commands ended well and leaks found what is lost; 1 otherwise.
"""

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

here = Path(__file__).resolve().parent
heaptap = os.environ.get("HEAPTAP_BINARY", here.parent.parent / ".build/release/heaptap")
COMMANDS = {"heap": ["heap"], "types": ["types"], "leaks": ["leaks", "--top", "1"], "refs": ["refs", "--holders"]}


def resident_bytes(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) << 10


def measure(pid, words):
    """Seconds, seconds of the stop, seconds of CPU time, peak bytes, and what it printed."""
    began = time.monotonic()
    run = subprocess.Popen([heaptap, *words, "--json", "--max-pause", "60", "--pid", str(pid)], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True)
    output, errors = run.stdout.read(), run.stderr.read()
    _, status, usage = os.wait4(run.pid, 0)
    run.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    stop = re.search(r"stood still for ([\d.]+) ms", errors)
    if run.returncode or not stop:
        raise SystemExit(f"heaptap {' '.join(words)} failed with {run.returncode}: {errors}")
    return seconds, float(stop[1]) / 1000, usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10, output


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", default="1000000,10000000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("commands", nargs="*", choices=[[], *COMMANDS], metavar="COMMAND")
    options = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/large_heap"
        subprocess.run(["gcc", "-O1", "-fno-builtin", "-o", program, here / "programs/large_heap.c"], check=True)
        print("    blocks  command     time, s   stop, s   M blocks/s    GB/s   processors   bytes/block", flush=True)
        for count in map(int, options.blocks.split(",")):
            target = subprocess.Popen([program, str(count)], stdout=subprocess.PIPE, text=True)
            target.stdout.readline()
            heap = resident_bytes(target.pid)
            for name in options.commands or COMMANDS:
                rows = [measure(target.pid, COMMANDS[name]) for _ in range(options.rounds)]
                seconds, stop, cpu, peak = (statistics.median(row[column] for row in rows) for column in range(4))
                print(f"{count:>10}  {name:8} {seconds:>10.2f} {stop:>9.3f} {count / seconds / 1e6:>12.2f} "
                      f"{heap / seconds / 1e9:>7.2f} {cpu / seconds:>12.2f} {(peak - heap) / count:>13.0f}", flush=True)
                if name == "leaks":
                    lost = sum(json.loads(rows[0][4])[kind]["blocks"] for kind in ("definitely", "indirectly"))
                    # The last one may be in a register still.
                    if not count // 10 - 2 < lost <= count // 10:
                        print(f"{lost} blocks are lost, not {count // 10}")
                        good = False
            target.kill()
            target.wait()
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
