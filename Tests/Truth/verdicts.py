#!/usr/bin/env python3
"""Watches twenty programs that don't leak and twenty that do, all at once: what is called growing, and when.

Usage: verdicts.py [--seconds 300] [--warm-up 60] [--scope all|each] [--each 20]    (as root; HEAPTAP_BINARY as
in Tests/README.md)

A program that doesn't leak may have a growing site while it warms up, not later. Every leak has to be
found, in its function. With `--scope each` every process is watched by a heaptap of its own.
Exit status: 0 no program is called growing wrongly and no leak is missed; 1 otherwise.
"""

import argparse
import itertools
import statistics
import sys
import time

from machine import observed, scopes
from subjects import Machine
from watching import Watch, describe


def populate(machine, count):
    """As many subjects that don't leak as subjects that do."""
    steady = [machine.redis, machine.sqlite, machine.python, machine.perl, machine.nginx, machine.cpp,
              machine.postgres, machine.c, machine.swift]
    leaking = [machine.c, machine.python, machine.perl, machine.redis, machine.sqlite, machine.swift, machine.postgres,
               machine.musl]
    makers = [lambda make=make: make(leak=True) for make in leaking]
    makers += [lambda name=name: machine.preloaded(name, leak=True)
               for name in ["jemalloc", "tcmalloc_minimal", "mimalloc"]]
    for make in itertools.islice(itertools.cycle(steady), count):
        make()
    for make in itertools.islice(itertools.cycle(makers), count):
        make()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--warm-up", type=float, default=60, help="seconds in which growth is no mistake")
    parser.add_argument("--each", type=int, default=20, help="programs that leak, and that don't")
    parser.add_argument("--scope", choices=["all", "each"], default="all")
    options = parser.parse_args()
    problems = []
    with Machine() as machine:
        populate(machine, options.each)
        watches = [Watch(*scope) for scope in scopes(machine, options.scope)]
        for watch in watches:
            watch.wait_for_report()
        calls = {}  # (pid, site id) → the seconds of its last report as growing
        began = time.monotonic()
        while (elapsed := time.monotonic() - began) < options.seconds:
            time.sleep(1)
            for watch in watches:
                for site in (watch.last or {"sites": []})["sites"]:
                    if site["verdict"] == "growing":
                        calls[site["pid"], site["id"]] = (elapsed, site)
        problems += [f"{subject.name} does not answer any more" for subject in machine.subjects
                     if not subject.answers()]
        for watch in watches:
            if status := watch.stop():
                problems.append(f"heaptap ended with status {status}")
        problems += observed(machine, watches)
        problems += judge(machine.subjects, calls, [watch.growing for watch in watches], options.warm_up)
    lost = sum(watch.lost["total"] for watch in watches)
    print(f"lost: {lost} {[watch.lost['by_reason'] for watch in watches if watch.lost['total']]}")
    for problem in problems:
        print(f"WRONG: {problem}")
    print(f"{len(problems)} problems")
    return 1 if problems else 0


def judge(subjects, calls, firsts, warm_up):
    """Prints a line for each subject; returns what is wrong."""
    problems, times, mistakes = [], [], 0
    print(f"{'subject':28} {'growing sites':>13}  {'the first after':>15}")
    for subject in subjects:
        own = [(seconds, site) for first in firsts for seconds, site in first.values() if subject.owns(site)]
        if subject.leak:
            found = sorted(seconds for seconds, site in own if subject.explains(site))
            print(f"{subject.name:28} {len(own):13}  {f'{found[0]:.0f} s' if found else 'never':>15}")
            times += found[:1]
            if not found:
                others = "; ".join(describe(site) for _, site in own[:3])
                problems.append(f"the leak of {subject.name} is not found" + (f", but: {others}" if others else ""))
        else:
            late = [site for seconds, site in calls.values() if subject.owns(site) and seconds > warm_up]
            print(f"{subject.name:28} {len(own):13}  "
                  f"{f'{min(seconds for seconds, _ in own):.0f} s' if own else 'never':>15}")
            mistakes += bool(late)
            problems += [f"{subject.name} is called growing: {describe(site)}: {site['reason']}" for site in late]
    without = [subject for subject in subjects if not subject.leak]
    print(f"{mistakes} of {len(without)} programs without a leak are called growing after {warm_up:.0f} s")
    print(f"{len(times)} of {len(subjects) - len(without)} leaks are found"
          + (f", after {statistics.median(times):.0f} s at the median and {max(times):.0f} s at most" if times else ""))
    return problems


if __name__ == "__main__":
    sys.exit(main())
