#!/usr/bin/env python3
"""Lets processes, threads, programs and libraries come and go by the thousand while heaptap watches.

Usage: storms.py [--scope all|children] [--processes 10000] [--lives 1000] [--threads 10000] [--loads 2000] [NAME...]
(as root; HEAPTAP_BINARY and HEAPTAP_WORKLOADS as in Tests/README.md)

Every storm is started by one shell; with `--scope children` only that and what it starts is watched.
What programs allocate is known; heaptap has to count it or to say that it was lost. Afterwards heaptap
may have grown by 24 MiB of anonymous memory, 32 descriptors and 1 MiB of maps in the kernel, no more:
it keeps the names of what has ended, and links to files that were probed.
Exit status: 0 all of that holds; 1 otherwise.
"""

import argparse
import os
import re
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from watching import Watch, mebibytes

here = Path(__file__).resolve().parent
programs = here / "programs"
workloads = Path(os.environ.get("HEAPTAP_WORKLOADS", here.parent.parent / ".build/workloads"))

GROWTH_LIMITS = {"anonymous_bytes": 24 << 20, "descriptors": 32, "map_bytes": 1 << 20, "threads": 2}
SETTLING_SECONDS = 10
STORM_SECONDS = 240


class Shell:
    """A shell that is told what to run."""

    def __init__(self, folder):
        self.process = subprocess.Popen(["/bin/bash", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        cwd=folder, bufsize=0)
        self.pending = b""

    def run(self, script, limit=STORM_SECONDS):
        """What a script prints; SystemExit if it fails or takes too long."""
        self.process.stdin.write(f"{script}\necho \"status $?\"\n".encode())
        deadline = time.monotonic() + limit
        while not (end := re.search(rb"^status (\d+)\n", self.pending, re.MULTILINE)):
            if not select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                raise SystemExit(f"did not end in {limit} s: {script}")
            self.pending += os.read(self.process.stdout.fileno(), 65536)
        output, self.pending = self.pending[:end.start()], self.pending[end.end():]
        if end[1] != b"0":
            raise SystemExit(f"ended with status {end[1].decode()}: {script}")
        return output.decode()

    def end(self):
        self.process.kill()
        self.process.wait()


class Ledger:
    """What heaptap says of all lives of all processes, also of those that it shows no more."""

    def __init__(self, watch):
        self.watch = watch
        self.rows = {}
        # For each report the process, the first function and the blocks of each site.
        self.reports = []
        self.lost_before = Counter(watch.lost["by_reason"])
        # Each report tells of those that have ended since the one before: none may be missed.
        watch.on_report = self.take

    def take(self, report):
        for target in report["targets"]:
            life = target["pid"], target.get("start_ticks"), target["name"]
            self.rows[life] = target
        self.reports.append([(site["pid"], site["stack"][0]["function"] if site["stack"] else None,
                              site["allocated_blocks"], not site["stack"]) for site in report["sites"]])

    def allocated(self, name):
        return sum(row["allocated_blocks"] for (_, _, known), row in self.rows.items() if known == name[:15])

    def allocated_by(self, function, pid):
        """Blocks of that function of a process, and those whose frames did not arrive."""
        return max(sum(blocks for owner, first, blocks, is_bare in report if owner == pid
                       and (is_bare or first == function)) for report in self.reports)

    @property
    def lost(self):
        """What was lost since the ledger was opened."""
        return Counter(self.watch.lost["by_reason"]) - self.lost_before


def expect_counted(what, counted, expected, ledger):
    """A problem, if fewer blocks were counted than were made and that was not said."""
    # Without room in the ring for its frames a block is counted all the same.
    told = sum(count for reason, count in ledger.lost.items() if reason != "event_ring_full")
    print(f"  {what}: {counted} of {expected} counted, {told} said to be lost; lost of all kinds {dict(ledger.lost)}")
    return [] if counted + told >= expected else [f"{what}: {expected - counted - told} are missing without a word"]


# ---- Storms ----


def fork_storm(shell, ledger, options):
    blocks = 5
    shell.run(f"./fork_storm {options.processes} {blocks}")
    time.sleep(SETTLING_SECONDS)
    problems = expect_counted("blocks of short processes", ledger.allocated("fork_storm"), options.processes * blocks,
                              ledger)
    running = [life for life, row in ledger.rows.items()
               if life[2] == "fork_storm" and not (row.get("ended") or row.get("exited"))
               and life in {(row["pid"], row.get("start_ticks"), row["name"]) for row in ledger.watch.last["targets"]}]
    return problems + ([f"{len(running)} short processes are shown as running"] if running else [])


def exec_chain(shell, ledger, options):
    pid = int(shell.run(f"./exec_chain {options.lives} > chain & while ! [ -s chain ]; do sleep 0.1; done; cat chain"))
    time.sleep(SETTLING_SECONDS)
    row = next((row for row in ledger.watch.last["targets"] if row["pid"] == pid), None)
    shell.run(f"kill -9 {pid}; wait {pid} 2>/dev/null; true")
    if not row:
        return [f"the last of {options.lives} lives of process {pid} is not among the targets"]
    print(f"  the last of {options.lives} lives has {row['live_blocks']} live blocks, {row['live_bytes']} bytes")
    # Its own block and standard output's buffer.
    return [] if 1 <= row["live_blocks"] <= 3 else [f"{row['live_blocks']} blocks are live after exec, not one or two"]


def thread_storm(shell, ledger, options):
    pid = int(shell.run(f"./busy_threads {options.threads} 20 & wait $! && echo $!"))
    time.sleep(SETTLING_SECONDS)
    return expect_counted("blocks of short threads", ledger.allocated_by("work", pid), options.threads * 3, ledger)


def library_storm(shell, ledger, options):
    pid = int(shell.run(f"./loads {workloads}/library_a.so {options.loads} & wait $! && echo $!"))
    time.sleep(SETTLING_SECONDS)
    return expect_counted("blocks of a library that comes and goes", ledger.allocated_by("allocate_a", pid),
                          options.loads, ledger)


def pid_reuse(shell, ledger, options):
    """A program with the process id of another one that has just ended."""
    del options
    first = int(shell.run("mkfifo input; exec 7<>input; ./churning 5 <&7 >/dev/null & echo $!"))
    time.sleep(3)
    # Whoever starts a process in between takes the id, so it may need several attempts.
    for _ in range(20):
        output = shell.run(f"kill -9 {first} 2>/dev/null; wait {first} 2>/dev/null;"
                           f" echo {first - 1} >/proc/sys/kernel/ns_last_pid;"
                           " ./leaky leak 5 <&7 >/dev/null & echo $!")
        second = int(output.split()[-1])
        if second == first:
            break
        shell.run(f"kill -9 {second}; wait {second} 2>/dev/null; true")
    else:
        raise SystemExit(f"process id {first} could not be used again")
    time.sleep(SETTLING_SECONDS)
    report = ledger.watch.last
    shell.run(f"kill -9 {second}; wait {second} 2>/dev/null; true")
    rows = [row for row in report["targets"] if row["pid"] == first and row["name"] == "leaky"]
    if not rows:
        return [f"the second program with process id {first} is not among the targets"]
    # The former program's last figures are kept, under its own time of start.
    sites = [site for site in report["sites"] if site["pid"] == first
             and site["start_ticks"] == rows[0]["start_ticks"]]
    foreign = [site for site in sites if site["live_blocks"]
               and any(frame["module"] == "churning" for frame in site["stack"])]
    remembered = sum(site["live_blocks"] for site in sites
                     if "remember_request" in [frame["function"] for frame in site["stack"]])
    print(f"  process id {first} again: {remembered} blocks of its new program, {len(foreign)} sites of the old one")
    problems = [f"{len(foreign)} sites of the former process {first} are live"] if foreign else []
    return problems + ([] if remembered else [f"the leak of the second process {first} is not seen"])


STORMS = {"fork": fork_storm, "exec": exec_chain, "threads": thread_storm, "libraries": library_storm,
          "pids": pid_reuse}


def build(folder):
    for source in ["fork_storm.c", "exec_chain.c", "busy_threads.c", "loads.c", "leaky.c"]:
        subprocess.run(["gcc", "-O1", "-g", "-fno-builtin", "-fno-inline", "-Wall", "-pthread", "-o",
                        folder / Path(source).stem, programs / source], check=True)
    subprocess.run(["g++", "-O1", "-g", "-o", folder / "churning", programs / "churning.cpp"], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scope", choices=["all", "children"], default="all")
    parser.add_argument("--processes", type=int, default=10_000)
    parser.add_argument("--lives", type=int, default=1_000)
    parser.add_argument("--threads", type=int, default=10_000)
    parser.add_argument("--loads", type=int, default=2_000)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"storms, of {', '.join(STORMS)}; all if none is given")
    options = parser.parse_args()
    problems = []
    with tempfile.TemporaryDirectory(prefix="storms-") as name:
        folder = Path(name)
        build(folder)
        shell = Shell(folder)
        scope = ["--all"] if options.scope == "all" else ["--pid", shell.process.pid, "--children"]
        watch = Watch(*scope, interval=1)
        try:
            watch.wait_for_report()
            shell.run("/bin/true")
            time.sleep(SETTLING_SECONDS / 2)
            before = watch.usage
            for storm in options.names or STORMS:
                began = time.monotonic()
                print(f"{storm}:", flush=True)
                ledger = Ledger(watch)
                found = STORMS[storm](shell, ledger, options)
                print(f"  {time.monotonic() - began:.0f} s", flush=True)
                problems += [f"{storm}: {problem}" for problem in found]
            time.sleep(SETTLING_SECONDS)
            problems += growth(before, watch.usage)
        finally:
            shell.end()
            status = watch.stop()
    if status:
        problems.append(f"heaptap ended with status {status}: {watch.complaints.decode(errors='replace').strip()}")
    print(f"lost: {watch.lost}")
    for problem in problems:
        print(f"WRONG: {problem}")
    print(f"{len(problems)} problems")
    return 1 if problems else 0


def growth(before, after):
    """Prints what heaptap takes before and after; a problem for each part that grew beyond its limit."""
    problems = []
    for part, limit in GROWTH_LIMITS.items():
        early, late = getattr(before, part), getattr(after, part)
        shown = mebibytes if part.endswith("bytes") else str
        print(f"heaptap's {part.replace('_', ' ')}: {shown(early)} before, {shown(late)} after")
        if late - early > limit:
            problems.append(f"heaptap's {part.replace('_', ' ')} grew by {shown(late - early)}, beyond {shown(limit)}")
    return problems


if __name__ == "__main__":
    sys.exit(main())
