#!/usr/bin/env python3
"""Changes mappings at random under heaptap and compares what it says is mapped with /proc/PID/maps.

Usage: mappings.py [--runs 5] [--changes 400] [--batches 4] [--scope all|pid]    (as root; HEAPTAP_BINARY as in
Tests/README.md)

`programs/mapper.c` cuts, covers, moves, grows and shrinks mappings and moves the program break; after each
batch of changes the bytes that heaptap shows for it, and those that the kernel lists, have to be equal.
Exit status: 0 they always are; 1 otherwise.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from watching import Watch

programs = Path(__file__).resolve().parent / "programs"
SETTLING_SECONDS = 10


def ranges(pid):
    """Start, end and name of all that a process has mapped."""
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        fields = line.split(None, 5)
        start, end = (int(text, 16) for text in fields[0].split("-"))
        yield start, end, fields[5] if len(fields) > 5 else ""


def mapped_bytes(pid, start, length):
    """Bytes of a part of the address space that are mapped, and of the heap that the program break bounds."""
    arena = sum(max(0, min(end, start + length) - max(begin, start)) for begin, end, _ in ranges(pid))
    heap = sum(end - begin for begin, end, name in ranges(pid) if name == "[heap]")
    return arena, heap


def shown_bytes(report, pid):
    """What heaptap says that the program has mapped."""
    return sum(site["live_bytes"] for site in report["mappings"]
               if site["pid"] == pid and any(frame["module"] == "mapper" for frame in site["stack"]))


def compare(mapper, seed, options):
    """One run; what differs."""
    process = subprocess.Popen([mapper, str(seed), str(options.changes)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, bufsize=0)
    scope = ["--all"] if options.scope == "all" else ["--pid", process.pid]
    problems = []
    watch = None
    try:
        process.stdout.readline()
        watch = Watch(*scope, interval=0.5)
        watch.wait_for_report()
        process.stdin.write(b"\n")
        start, length = (int(word, 16) for word in process.stdout.readline().split())
        for batch in range(options.batches):
            process.stdin.write(b"\n")
            process.stdout.readline()
            arena, heap = mapped_bytes(process.pid, start, length)
            deadline = time.monotonic() + SETTLING_SECONDS
            while (shown := shown_bytes(watch.last, process.pid)) != arena + heap and time.monotonic() < deadline:
                time.sleep(0.1)
            print(f"seed {seed}, {(batch + 1) * options.changes} changes: {arena + heap} bytes are mapped, "
                  f"{shown} shown, lost {watch.lost['by_reason']}", flush=True)
            if shown != arena + heap:
                problems.append(f"seed {seed}: {shown - arena - heap:+} bytes after {batch + 1} batches")
    finally:
        process.kill()
        process.wait()
        if watch:
            watch.stop()
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--changes", type=int, default=400, help="in a batch")
    parser.add_argument("--batches", type=int, default=4)
    parser.add_argument("--scope", choices=["all", "pid"], default="all")
    options = parser.parse_args()
    problems = []
    with tempfile.TemporaryDirectory(prefix="mappings-") as folder:
        mapper = Path(folder) / "mapper"
        subprocess.run(["gcc", "-O1", "-g", "-Wall", "-D_GNU_SOURCE", "-o", mapper, programs / "mapper.c"], check=True)
        for seed in range(1, options.runs + 1):
            problems += compare(mapper, seed, options)
    for problem in problems:
        print(f"WRONG: {problem}")
    print(f"{options.runs} runs, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
