#!/usr/bin/env python3
"""What observation within a budget costs programs, and what it finds: budget.py rows|tools|leaks|quiet|intervals|burst|many …

Times and shares are those that the programs themselves measure in CPU time of their own threads; see progressing.py.
Prints a table, and writes what it is made of to budget-results.json.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from progressing import Program, Redis, root
from watching import Watch, functions, mebibytes

PROGRAMS = ["churn", "map", "inserts", "threads", "calloc_list", "parse", "redis"]
LEAKS = {"churn": "forgotten", "calloc_list": "remember", "map": "forget", "inserts": "forget", "threads": "forgotten",
         "parse": "keep"}
results = []
printing = threading.Lock()


def say(row, text):
    """Prints a line and keeps what it says."""
    with printing:
        results.append(row)
        print(text, flush=True)


def measured(name, environment=None):
    """One of the programs, as it is measured. redis gets one kind of command: several take turns, and cost different times."""
    return Redis("set", environment) if name == "redis" else Program(name, environment=environment)


def percent(share, digits=2):
    return "?" if share is None else f"{100 * share:.{digits}f} %"


def mean(values):
    values = list(values)
    return statistics.mean(values) if values else None


def leaks_here(program, site):
    """Whether the program's leak is made by this site; C++ names come with their parameters."""
    return any(name and name.split("(")[0] == LEAKS[program] for name in functions(site))


def options(pid, budget):
    return ["--pid", pid] + (["--budget", f"{budget}%"] if budget else [])


# ---- rows: what it costs ----

class Observed:
    """A watch for so many seconds, and what it was and took meanwhile."""

    def __init__(self, pid, budget, seconds, interval=5):
        watch = Watch(*options(pid, budget), interval=interval)
        watch.wait_for_report()
        time.sleep(1)
        self.start, usage = time.monotonic(), watch.usage
        first = watch.seen[pid].get("windows", {}).get("count", 0)
        time.sleep(seconds)
        self.end = time.monotonic()
        if watch.process.poll() is not None:
            raise SystemExit(f"heaptap ended with {watch.process.returncode}: {watch.complaints.decode()}")
        self.own_share = (watch.usage.cpu_seconds - usage.cpu_seconds) / (self.end - self.start)
        row = watch.seen[pid]
        self.mode = row["mode"]
        self.windows = row.get("windows", {}).get("count", 0) - first
        self.claimed = row.get("windows", {}).get("cost_share", row.get("cost_share"))
        watch.stop()


def seconds_for(budget, wanted):
    """A window lasts some 10 ms, so that 2 % are two a second, less are fewer, and more are what our own CPU time allows;
    every call counted needs no windows."""
    return wanted / 4 if not budget else wanted * max(1, 2 / budget)


def measure_program(name, wanted, budgets):
    for budget in budgets:
        with measured(name) as program:
            program.wait_for_progress(2)
            before = time.monotonic()
            time.sleep(min(10, wanted / 4))
            untouched = program.between(before, time.monotonic())
            observed = Observed(program.pid, budget, seconds_for(budget, wanted))
            lines = program.between(observed.start, observed.end)
            after = time.monotonic()
            time.sleep(min(10, wanted / 4))
            untouched_after = program.between(after, time.monotonic())
        speed = mean(line.turns for line in lines)
        usual = mean(line.turns for line in untouched + untouched_after)
        report_row(name, budget, observed, mean(line.lost for line in lines), mean(line.lost for line in untouched),
                   speed / usual if speed and usual else None)


def report_row(name, budget, observed, lost, untouched, speed):
    title = f"{budget} %" if budget else "exact"
    row = {"table": "rows", "program": name, "budget": budget, "mode": observed.mode, "lost": lost, "untouched": untouched,
           "windows": observed.windows, "own": observed.own_share, "speed": speed, "claimed": observed.claimed}
    say(row, f"{name:12} {title:>6}  {percent(lost):>8}  {percent(untouched):>8}  {observed.mode:>8}  "
             f"{observed.windows:7}  {percent(observed.own_share):>8}  {percent(speed, 1):>8}  "
             f"{percent(observed.claimed):>8}")


def rows(arguments):
    print("program      budget      lost  untouched     mode  windows   our CPU     speed   claimed", flush=True)
    names = arguments.programs or PROGRAMS
    budgets = [None if budget == "exact" else float(budget.rstrip("%")) for budget in arguments.budgets.split(",")]
    with ThreadPoolExecutor(arguments.parallel) as pool:
        for job in [pool.submit(measure_program, name, arguments.seconds, budgets) for name in names]:
            job.result()
    over = [row for row in results if row["budget"] and row["lost"] is not None and row["lost"] > row["budget"] / 100]
    return not over


# ---- tools: what others cost that record every call ----

HEAPTRACK = "/usr/lib/heaptrack/libheaptrack_preload.so"
SCRIPT = root / "Tests/Workloads/bench/live_blocks.bt"
LIBC = "/lib/x86_64-linux-gnu/libc.so.6"
JEMALLOC = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"


def speed_of(program, seconds):
    """Turns in a second of CPU time."""
    program.wait_for_progress(2, 600)
    start = time.monotonic()
    while not (lines := program.between(start, time.monotonic())) or time.monotonic() < start + seconds:
        time.sleep(0.2)
    return mean(line.turns for line in lines)


class Script:
    """bpftrace with the script that keeps live blocks and stacks."""

    def __init__(self, pid, library):
        text = SCRIPT.read_text()
        for name, value in {"LIBC": library, "MALLOC": "malloc", "FREE": "free", "PID": str(pid)}.items():
            text = text.replace(name, value)
        self.process = subprocess.Popen(["bpftrace", "-q", "-e", text], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        text=True)
        if "attached" not in self.process.stdout.readline():
            raise SystemExit("bpftrace does not attach")

    def end(self):
        self.process.kill()
        self.process.wait()


def tools(arguments):
    """heaptrack from the start, its records thrown away; bpftrace attached. Allocators that they do not see are not slowed."""
    if not os.path.exists(HEAPTRACK):
        raise SystemExit(f"can't compare with heaptrack: {HEAPTRACK} is not there; install it (apt-get install heaptrack)")
    print("program       untouched/heaptrack   untouched/bpftrace   (times the CPU time for the same work)", flush=True)
    for name in arguments.programs or PROGRAMS:
        with measured(name) as program:
            usual = speed_of(program, arguments.seconds)
            script = Script(program.pid, JEMALLOC if name == "redis" else LIBC)
            traced = speed_of(program, arguments.seconds)
            script.end()
        with measured(name, {"LD_PRELOAD": HEAPTRACK, "DUMP_HEAPTRACK_OUTPUT": "/dev/null"}) as program:
            recorded = speed_of(program, arguments.seconds)
        say({"table": "tools", "program": name, "heaptrack": usual / recorded, "bpftrace": usual / traced},
            f"{name:12} {usual / recorded:20.1f} {usual / traced:20.1f}")
    return True


# ---- leaks and quiet: what it finds ----

def find_leak(program_name, rate, limit, budget, niceness, number):
    """Seconds until the leak stood first for good, until it did so with a lower bound above zero, and until it was called
    growing; None: not within the limit."""
    ranked, first, growing, others = None, None, None, set()
    with Program(program_name, rate, niceness=niceness) as program:
        program.wait_for_progress(1)
        watch = Watch(*options(program.pid, budget), interval=1)

        def look(report):
            nonlocal ranked, first, growing
            seconds = time.monotonic() - watch.began
            if not report["sites"] or not leaks_here(program_name, report["sites"][0]):
                ranked = None
            elif ranked is None:
                ranked = seconds
            for rank, site in enumerate(report["sites"]):
                is_leak = leaks_here(program_name, site)
                if rank == 0 and is_leak and site["growth_low"] > 0 and first is None:
                    first = seconds
                if site["verdict"] == "growing":
                    if is_leak:
                        growing = growing or seconds
                    else:
                        others.add(" < ".join(str(name) for name in functions(site, 3)))

        watch.on_report = look
        watch.wait_for_report()
        while time.monotonic() - watch.began < limit and not (rate and first and growing):
            time.sleep(0.2)
        mode = watch.seen[program.pid]["mode"]
        complaints = watch.stop()
    row = {"table": "leaks", "program": program_name, "rate": rate, "budget": budget, "ranked": ranked, "first": first, "growing": growing,
           "others": sorted(others), "mode": mode, "status": complaints}
    def shown(seconds):
        return "never" if seconds is None else f"{seconds:.1f} s"
    say(row, f"{program_name} {rate} B/s, run {number}: first {shown(ranked)}, beyond doubt {shown(first)}, growing {shown(growing)}, {mode}"
             + (f"; wrongly growing: {', '.join(sorted(others))}" if others else ""))
    return row


def leaks(arguments):
    with ThreadPoolExecutor(arguments.parallel) as pool:
        jobs = [pool.submit(find_leak, arguments.program, arguments.rate, arguments.limit, arguments.budget,
                            arguments.niceness, number) for number in range(arguments.runs)]
        rows = [job.result() for job in jobs]
    found = sum(row["ranked"] is not None for row in rows)
    sure = sum(row["first"] is not None for row in rows)
    grew = sum(row["growing"] is not None for row in rows)
    wrong = sum(bool(row["others"]) for row in rows)
    times = sorted(row["ranked"] for row in rows if row["ranked"] is not None)
    middle = f", median {times[len(times) // 2]:.1f} s" if times else ""
    print(f"{arguments.program} {arguments.rate} B/s: first in {found} of {len(rows)}{middle}; beyond doubt in {sure}; growing in {grew}; "
          f"others called growing in {wrong}", flush=True)
    if not arguments.rate:
        return not wrong
    return found >= 0.9 * len(rows) and not wrong


# ---- intervals: what windows say of the whole heap, beside what programs count ----

COUNTING = {
    "churn": lambda: Program("churn", 200_000),
    "calloc_list": lambda: Program("calloc_list", 200_000),
    "map under jemalloc": lambda: Program("map", 200_000, environment={"LD_PRELOAD": JEMALLOC}),
    "sqlite": lambda: Program("inserts", 0, 5),
    "python": lambda: Program("parse", 500_000),
    "redis": Redis,
}


def compare_intervals(name, count, seconds, budget):
    covered = 0
    with COUNTING[name]() as program:
        if name == "redis":
            program.follow()
            time.sleep(2)
        else:
            program.wait_for_progress(2)
        for _ in range(count):
            reports = []
            watch = Watch(*options(program.pid, budget), interval=1)
            watch.on_report = lambda report: reports.append((time.monotonic(), report))
            watch.wait_for_report()
            time.sleep(seconds)
            watch.stop()
            moment, windows = next(((moment, row["windows"]) for moment, report in reversed(reports)
                                    for row in report["targets"] if row.get("windows", {}).get("over_s")), (None, None))
            if windows is None:
                say({"table": "intervals", "program": name}, f"{name}: no interval")
                continue
            truth = program.counted(moment) - program.counted(moment - windows["over_s"])
            holds = windows["net_bytes_low"] <= truth <= windows["net_bytes_high"]
            covered += holds
            say({"table": "intervals", "program": name, "truth": truth, "holds": holds, **windows},
                f"{name:20} {truth:12.0f} in {windows['net_bytes_low']:12.0f} … {windows['net_bytes_high']:12.0f} "
                f"({windows['net_bytes']:12.0f}, {windows['count']} windows){'' if holds else '  MISSED'}")
    return covered


def intervals(arguments):
    names = arguments.programs or list(COUNTING)
    with ThreadPoolExecutor(arguments.parallel) as pool:
        jobs = [pool.submit(compare_intervals, name, arguments.count, arguments.seconds, arguments.budget)
                for name in names]
        covered = sum(job.result() for job in jobs)
    print(f"{covered} of {len(names) * arguments.count} intervals hold what the program counted", flush=True)
    return covered >= 0.9 * len(names) * arguments.count


# ---- burst: an idle program begins ----

def burst(arguments):
    print("burst: lost in the first seconds of CPU time, longest bin; mode before and after", flush=True)
    for number in range(arguments.runs):
        with Program("churn", 0, 20) as program:
            program.wait_for_mark("idle")
            watch = Watch(*options(program.pid, arguments.budget), interval=1)
            watch.wait_for_report()
            began = program.wait_for_mark("busy")
            before = watch.seen[program.pid]["mode"]
            time.sleep(12)
            after = watch.seen[program.pid]["mode"]
            watch.stop()
            lines = [line for line in program.lines if line.time > began][:8]
        lost = [line.lost for line in lines]
        longest = max(line.longest for line in lines)
        say({"table": "burst", "lost": lost, "longest_ms": longest, "before": before, "after": after},
            f"  run {number}: " + " ".join(percent(share, 1) for share in lost)
            + f"; longest {longest:.1f} ms; {before} → {after}")
    return True


# ---- many: a machine full of processes ----

def measure_many(count, seconds, budget, rate, work):
    """Every twentieth of so many small programs leaks; all processes of the machine are observed."""
    with ExitStack() as stack:
        programs = []
        for number in range(count):
            leaks = number % 20 == 7
            programs.append((leaks, stack.enter_context(Program("small", rate if leaks else 0, work))))
            time.sleep(0.02)
        programs[-1][1].wait_for_progress(2)
        before = time.monotonic()
        time.sleep(20)
        untouched = shares(programs, before, time.monotonic())
        watch = Watch("--all", "--budget", f"{budget}%", interval=5, top=100)
        watch.wait_for_report()
        attached = watch.first_report
        time.sleep(20)
        start, usage = time.monotonic(), watch.usage
        time.sleep(seconds)
        end, after = time.monotonic(), watch.usage
        observed = shares(programs, start, end)
        rows = [watch.seen.get(program.pid) for _, program in programs]
        watch.stop()
    growing = {pid: min(seconds for (other, _), (seconds, _) in watch.growing.items() if other == pid)
               for pid, _ in watch.growing}
    found = [growing[program.pid] for leaks, program in programs if leaks and program.pid in growing]
    wrong = sum(not leaks and program.pid in growing for leaks, program in programs)
    wanted = sum(leaks for leaks, _ in programs)
    modes = Counter(row["mode"] if row else "not seen" for row in rows)
    rising = Counter(leaks for (leaks, _), row in zip(programs, rows) if row and row["anonymous_growth_low"] > 512)
    own = (after.cpu_seconds - usage.cpu_seconds) / (end - start)
    say({"table": "many", "count": count, "budget": budget, "work": work, "own": own, "resident": after.resident_bytes,
         "anonymous": after.anonymous_bytes, "untouched": untouched, "lost": observed, "found": found, "wanted": wanted,
         "wrong": wrong, "rising": rising[True], "rising_wrongly": rising[False], "modes": modes},
        f"{count} processes, {25 / (1 + work):.1f} M allocations/s while they work, {budget} %: our CPU {percent(own)} of a "
        f"core, {mebibytes(after.resident_bytes)} "
        f"({mebibytes(after.anonymous_bytes)} anonymous), first report after {attached:.1f} s; {dict(modes)}\n"
        f"  lost: mean {percent(mean(observed))}, 95th of 100 {percent(rank(observed, 0.95))}, most {percent(max(observed))}; "
        f"untouched {percent(mean(untouched))}, {percent(rank(untouched, 0.95))}, {percent(max(untouched))}\n"
        f"  growing: {len(found)} of {wanted} leaks, after {rank(found, 0.5):.0f} s (middle) and {max(found, default=0):.0f} s "
        f"(last); {wrong} of {count - wanted} others; by the census {rising[True]} and {rising[False]}")
    return len(found) == wanted and not wrong and rank(observed, 0.95) <= budget / 100 + rank(untouched, 0.95)


def shares(programs, start, end):
    """What each program lost of its time."""
    means = (mean(line.lost for line in program.between(start, end)) for _, program in programs)
    return sorted(share for share in means if share is not None)


def rank(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(part * len(values)))] if values else 0


def many(arguments):
    return all([measure_many(count, arguments.seconds, arguments.budget, arguments.rate, arguments.work)
                for count in arguments.counts])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", default="budget-results.json")
    commands = parser.add_subparsers(dest="command", required=True)
    part = commands.add_parser("rows")
    part.add_argument("programs", nargs="*")
    part.add_argument("--seconds", type=float, default=75, help="for each row")
    part.add_argument("--budgets", default="0.5,2,5,exact", help="percents, or exact, separated by commas")
    part.add_argument("--parallel", type=int, default=1)
    part = commands.add_parser("tools")
    part.add_argument("programs", nargs="*")
    part.add_argument("--seconds", type=float, default=10, help="of each")
    for name, rate, limit, runs in (("leaks", 50_000, 30, 20), ("quiet", 0, 300, 20)):
        part = commands.add_parser(name)
        part.add_argument("--program", default="churn", choices=LEAKS)
        part.add_argument("--rate", type=int, default=rate, help="bytes a second")
        part.add_argument("--limit", type=float, default=limit, help="seconds")
        part.add_argument("--runs", type=int, default=runs)
        part.add_argument("--budget", type=float, default=2, help="percent")
        part.add_argument("--parallel", type=int, default=1)
        part.add_argument("--niceness", type=int, default=0)
    part = commands.add_parser("intervals")
    part.add_argument("programs", nargs="*")
    part.add_argument("--count", type=int, default=17, help="for each program")
    part.add_argument("--seconds", type=float, default=20, help="of each")
    part.add_argument("--budget", type=float, default=2, help="percent")
    part.add_argument("--parallel", type=int, default=1)
    part = commands.add_parser("burst")
    part.add_argument("--runs", type=int, default=5)
    part.add_argument("--budget", type=float, default=2, help="percent")
    part = commands.add_parser("many")
    part.add_argument("counts", nargs="*", type=int, default=[100, 500], help="processes at once")
    part.add_argument("--seconds", type=float, default=120)
    part.add_argument("--rate", type=int, default=4_000, help="bytes a second that every twentieth leaks")
    part.add_argument("--work", type=int, default=15, help="what they do between allocations, in units of those")
    part.add_argument("--budget", type=float, default=2, help="percent")
    arguments = parser.parse_args()
    commands = {"rows": rows, "tools": tools, "leaks": leaks, "quiet": leaks, "intervals": intervals, "burst": burst, "many": many}
    passed = commands[arguments.command](arguments)
    with open(arguments.output, "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
    sys.exit(0 if passed else 1)


main()
