#!/usr/bin/env python3
"""Watches a machine's worth of processes at once: who leaks is found, who doesn't is left alone.

Usage: machine.py [--processes 200] [--seconds 60] [--scope all|each]    (as root; HEAPTAP_BINARY as in
Tests/README.md)

Programs of a dozen kinds and allocators run side by side; one of each kind leaks in a known function.
With `--scope each` every one is watched by a heaptap of its own: for a few processes only.
Exit status: 0 every process was observed, every leak is found in its process and function, no other
process has a growing site, and all of them still work; 1 otherwise.
"""

import argparse
import itertools
import sys
import time

from subjects import Machine
from watching import Watch, describe, mebibytes

# Sites may look like growing while a program begins.
WARM_UP_SECONDS = 10


def populate(machine, count):
    """One leaking subject of each kind that can leak, then others until there are enough processes."""
    leaking = [machine.c, machine.python, machine.perl, machine.redis, machine.swift, machine.sqlite,
               machine.postgres, machine.musl, machine.other_libc, machine.other_perl, machine.pid_namespace]
    allocators = ["jemalloc", "tcmalloc_minimal", "mimalloc"]
    makers = [lambda make=make: make(leak=True) for make in leaking]
    makers += [lambda name=name: machine.preloaded(name, leak=True) for name in allocators]
    makers += [machine.nginx, machine.redis, machine.postgres, machine.swift, machine.musl, machine.other_libc]
    others = itertools.cycle(
        [machine.c, machine.cpp, machine.perl, machine.python, machine.sqlite, machine.c, machine.other_perl,
         machine.pid_namespace] + [lambda name=name: machine.preloaded(name) for name in allocators])
    for make in itertools.chain(makers, others):
        if sum(len(subject.pids) for subject in machine.subjects) >= count:
            return
        make()


def scopes(machine, scope):
    if scope == "all":
        return [["--all"]]
    return [["--pid", pid] for subject in machine.subjects for pid in subject.pids]


def observed(machine, watches):
    """Processes that are not observed exactly, with what heaptap says of them."""
    problems = []
    for subject in machine.subjects:
        for pid in subject.pids:
            row = next((watch.seen[pid] for watch in watches if pid in watch.seen), None)
            if row is None:
                problems.append(f"{subject.name} ({pid}) is not among the targets")
            elif row["mode"] != "exact" and not subject.unseen:
                obstacle = row.get("obstacle") or "no obstacle told"
                problems.append(f"{subject.name} ({pid}) is observed as {row['mode']}: {obstacle}")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--scope", choices=["all", "each"], default="all")
    options = parser.parse_args()
    problems = []
    with Machine() as machine:
        populate(machine, options.processes)
        count = sum(len(subject.pids) for subject in machine.subjects)
        print(f"{len(machine.subjects)} subjects, {count} processes; settling for {WARM_UP_SECONDS} s")
        time.sleep(WARM_UP_SECONDS)
        watches = [Watch(*scope) for scope in scopes(machine, options.scope)]
        for watch in watches:
            watch.wait_for_report()
        before = [watch.usage for watch in watches]
        time.sleep(options.seconds)
        after = [watch.usage for watch in watches]
        broken = [subject.name for subject in machine.subjects if not subject.answers()]
        statuses = {watch.stop() for watch in watches}

        problems += [f"{name} does not answer any more" for name in broken]
        problems += [f"heaptap ended with status {status}" for status in statuses if status != 0]
        problems += observed(machine, watches)
        growing = [(seconds, site) for watch in watches for seconds, site in watch.growing.values()]
        problems += judge(machine.subjects, growing)

    print(f"first report after {max(watch.first_report for watch in watches):.2f} s")
    cpu = sum(late.cpu_seconds - early.cpu_seconds for early, late in zip(before, after))
    print(f"heaptap: {100 * cpu / options.seconds:.1f} % of a core, RSS "
          f"{mebibytes(sum(usage.resident_bytes for usage in after))}, of it anonymous "
          f"{mebibytes(sum(usage.anonymous_bytes for usage in after))}, maps "
          f"{mebibytes(sum(usage.map_bytes for usage in after))}, "
          f"{sum(usage.descriptors for usage in after)} descriptors")
    lost = [watch.lost for watch in watches]
    print(f"lost: {sum(each['total'] for each in lost)} {[each['by_reason'] for each in lost if each['total']]}")
    for problem in problems:
        print(f"WRONG: {problem}")
    print(f"{len(problems)} problems")
    return 1 if problems else 0


def judge(subjects, growing):
    """Prints how fast each leak was found; returns what is wrong about the sites that grow."""
    problems = []
    for subject in subjects:
        own = sorted(((seconds, site) for seconds, site in growing if subject.owns(site)), key=lambda pair: pair[0])
        if subject.leak:
            found = [seconds for seconds, site in own if subject.explains(site)]
            if found:
                print(f"{subject.name}: growing after {found[0]:.0f} s")
            else:
                others = "; ".join(describe(site) for _, site in own[:3])
                problems.append(f"the leak of {subject.name} ({subject.pids}) is not growing"
                                + (f", but: {others}" if others else ""))
        else:
            problems += [f"{subject.name} ({site['pid']}) has a growing site: {describe(site)}: {site['reason']}"
                         for _, site in own]
    known = {pid for subject in subjects for pid in subject.pids}
    for seconds, site in growing:
        if site["pid"] not in known:
            print(f"beside them, process {site['pid']} grows: {describe(site)}")
    return problems


if __name__ == "__main__":
    sys.exit(main())
