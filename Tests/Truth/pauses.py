#!/usr/bin/env python3
"""Inspects programs again and again: how long they stand still, and whether they notice anything else.

Usage: pauses.py [--threads 1,4,64,256] [--mebibytes 50,400,4096] [--rounds 5] [--stops 1000] [--kills 100] [--copy-on-write] [NAME...]
(as root; HEAPTAP_BINARY as in Tests/README.md: a release, or the times are those of a debug build)

`times` prints how long `programs/standing.c` stood still for each number of threads and size of heap: the median
and the worst by heaptap's clock, and the longest gap that a thread of it saw, which others on the machine can
lengthen. `calls` stops `blocked_calls.c`, whose threads wait in twenty kinds of system calls, and sends it a signal now
and then: none of the calls may return EINTR, and no signal may be lost. `kills` ends heaptap with SIGKILL at
random moments of an inspection: the target has to run on, untraced, with every thread and without a child or a copy of
itself. With --copy-on-write, all that for inspections of that kind.
Exit status: 0 all of that holds; 1 otherwise.
"""

import argparse
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

here = Path(__file__).resolve().parent
root = here.parent.parent
heaptap = os.environ.get("HEAPTAP_BINARY", root / ".build/release/heaptap")
SOURCES = {"standing": here / "programs/standing.c",
           "blocked_calls": here.parent / "InspectionTests/Programs/blocked_calls.c"}
SIGRTMIN = 34  # as glibc has it
SETTLING_SECONDS = 5


class Program:
    """A program that says when it is ready."""

    def __init__(self, *words):
        self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1)
        self.pid = self.process.pid
        if self.process.stdout.readline() != "ready\n":
            raise SystemExit(f"{words[0]} did not start")

    def ask(self):
        """The longest gap in milliseconds, and looks at the clock, since the last question."""
        self.process.stdin.write("?")
        self.process.stdin.flush()
        gap, ticks = self.process.stdout.readline().split()
        return int(gap) / 1000, int(ticks)

    def threads(self):
        """What /proc says of every thread: its state and who traces it."""
        found = []
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            fields = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines() if ":" in line)
            found.append((fields["State"].split()[0], fields["TracerPid"].strip()))
        return found

    def others(self):
        """Pids of its children, and of processes that run the same program."""
        found = set()
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            found.update((task / "children").read_text().split())
        name = Path(f"/proc/{self.pid}/comm").read_text()
        for status in Path("/proc").glob("[0-9]*/comm"):
            try:
                if status.read_text() == name and status.parent.name != str(self.pid):
                    found.add(status.parent.name)
            except OSError:
                pass  # it has ended
        return found

    def end(self):
        self.process.kill()
        self.process.wait()


extra = []  # arguments of each inspection


def inspect(pid):
    """Milliseconds that a process stood still for an inspection, by heaptap's clock."""
    run = subprocess.run([heaptap, "heap", "--json", "--max-pause", "60", "--pid", str(pid), *extra],
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    found = re.search(r"stood still for ([\d.]+) ms", run.stderr)
    if run.returncode or not found:
        raise SystemExit(f"heaptap failed with {run.returncode}: {run.stderr}")
    return float(found[1])


def times(programs, options):
    print(f"{'threads':>8} {'heap, MiB':>10} {'median, ms':>11} {'worst, ms':>10} {'gap seen, ms':>13}")
    for mebibytes in options.mebibytes:
        for threads in options.threads:
            program = Program(programs / "standing", threads, mebibytes)
            inspect(program.pid)
            program.ask()
            pauses = [inspect(program.pid) for _ in range(options.rounds)]
            gap, _ = program.ask()
            seen = f"{gap:.1f}" if threads > 1 else "-"
            print(f"{threads:>8} {mebibytes:>10} {statistics.median(pauses):>11.1f} {max(pauses):>10.1f} {seen:>13}",
                  flush=True)
            program.end()
    return True


def calls(programs, options):
    program = Program(programs / "blocked_calls")
    signals = 0
    for index in range(options.stops):
        if index % 3 == 0:
            os.kill(program.pid, SIGRTMIN)
            signals += 1
        inspect(program.pid)
    time.sleep(0.1)
    os.kill(program.pid, signal.SIGTERM)
    truth = dict(line.split() for line in program.process.communicate(timeout=60)[0].splitlines())
    print(f"{options.stops} stops: {truth['interrupted']} calls returned EINTR, {truth['signals']} of {signals} signals "
          f"came, {truth['returned']} calls returned in their own time")
    return truth["interrupted"] == "0" and int(truth["signals"]) == signals


def kills(programs, options):
    program = Program(programs / "standing", 8, 200)
    usual = statistics.median([inspection_time(program.pid) for _ in range(5)])
    program.ask()
    faults, ended = [], 0
    for index in range(options.kills):
        run = subprocess.Popen([heaptap, "heap", "--json", "--pid", str(program.pid), *extra], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0, usual))
        ended += run.poll() is not None
        run.kill()
        run.wait()
        if fault := what_is_wrong(program):
            faults.append(f"kill {index}: {fault}")
    print(f"{options.kills} kills within {1000 * usual:.0f} ms, {ended} of them after the end: the target ran on "
          f"{options.kills - len(faults)} times")
    for fault in faults:
        print(fault)
    program.end()
    return not faults


def inspection_time(pid):
    began = time.monotonic()
    inspect(pid)
    return time.monotonic() - began


def what_is_wrong(program):
    """Why a program does not run as before; None if it does."""
    if program.process.poll() is not None:
        raise SystemExit(f"the target ended with {program.process.returncode}")
    deadline = time.monotonic() + SETTLING_SECONDS
    while time.monotonic() < deadline:
        threads = program.threads()
        if len(threads) == 8 and all(state in "RS" and tracer == "0" for state, tracer in threads) and not program.others():
            program.ask()
            time.sleep(0.002)
            if program.ask()[1] > 0:
                return None
        time.sleep(0.005)
    return f"threads are {threads}, other processes {program.others()}"


CHECKS = {"times": times, "calls": calls, "kills": kills}


def main():
    def numbers(text):
        return [int(word) for word in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=numbers, default=[1, 4, 64, 256])
    parser.add_argument("--mebibytes", type=numbers, default=[50, 400, 4096])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--stops", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--copy-on-write", action="store_true")
    parser.add_argument("names", nargs="*", choices=[[], *CHECKS], metavar="NAME")
    options = parser.parse_args()
    if options.copy_on_write:
        extra.append("--copy-on-write")
    with tempfile.TemporaryDirectory() as folder:
        for name, source in SOURCES.items():
            subprocess.run(["gcc", "-O1", "-fno-builtin", "-pthread", "-o", f"{folder}/{name}", source], check=True)
        good = [CHECKS[name](Path(folder), options) for name in options.names or CHECKS]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
