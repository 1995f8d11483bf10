#!/usr/bin/env python3
"""Counts how many stacks of busy programs reach the first frame of their thread.

Usage: reach.py [--seconds N] [NAME...]    (as root; HEAPTAP_BINARY as in Tests/README.md)

python3, redis-server and postgres as this machine has them are kept busy with work of many kinds
and watched for N seconds. A stack reaches its first frame if its outermost function is one that
nobody calls: that is looked up here, heaptap's own flag has to agree. The others are listed by cause.
Exit status: 0 at least 99.5 % of every program's stacks reach it, no flag is wrong and no site is
without frames; 1 otherwise.
"""

import argparse
import contextlib
import itertools
import json
import os
import pwd
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

from stacks import symbols

here = Path(__file__).resolve().parent
root = here.parent.parent
heaptap = os.environ.get("HEAPTAP_BINARY", str(root / ".build/debug/heaptap"))
programs = here / "programs"

WANTED_SHARE = 0.995
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C",
               "PYTHONMALLOC": "malloc"}
POSTGRES = Path("/usr/lib/postgresql/15/bin")
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
# What runs first in a thread, and in a process beside the entry point of its executable: short
# functions written in assembler.
FIRST_FUNCTIONS = ("__clone3", "__clone", "_dl_start_user")
FIRST_BYTES = 96

seeds = itertools.count()


# ---- Programs and what keeps them busy ----


@contextlib.contextmanager
def ended_after(*command, **options):
    """A process that is ended with the block."""
    process = start(command, **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def start(command, **options):
    return subprocess.Popen([str(word) for word in command], env=ENVIRONMENT, bufsize=0,
                            **{"stdin": subprocess.DEVNULL} | options)


@contextlib.contextmanager
def fed(generator, *command, **options):
    """Runs a command again and again on what a script prints, until the block ends."""
    ended = threading.Event()
    running = []

    def run():
        while not ended.is_set():
            lines = start(["/usr/bin/python3", "-B", programs / generator, next(seeds)],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            reader = start(command, stdin=lines.stdout, **QUIET, **options)
            lines.stdout.close()
            running[:] = [lines, reader]
            for process in running:
                process.wait()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        while thread.is_alive():
            for process in running:
                process.kill()
            thread.join(0.1)


def wait_for(path):
    for _ in range(200):
        if path.exists():
            return
        time.sleep(0.05)
    raise SystemExit(f"{path} did not appear")


@contextlib.contextmanager
def python(scratch):
    with ended_after("/usr/bin/python3", "-S", "-B", programs / "busy.py") as process:
        time.sleep(0.5)
        yield process.pid, []


@contextlib.contextmanager
def redis(scratch):
    path = scratch / "redis.sock"
    with ended_after("/usr/bin/redis-server", "--port", 0, "--unixsocket", path, "--dir", scratch,
                     "--save", "", "--enable-debug-command", "yes", **QUIET) as server:
        wait_for(path)
        with (
            fed("busy_redis.py", "/usr/bin/redis-cli", "-s", path),
            fed("busy_redis.py", "/usr/bin/redis-cli", "-s", path),
            ended_after("/usr/bin/redis-benchmark", "-s", path, "-l", "-q", "-c", 4, **QUIET),
        ):
            yield server.pid, []


@contextlib.contextmanager
def postgres(scratch):
    owner = pwd.getpwnam("postgres")
    as_owner = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": [], "cwd": scratch}
    os.chown(scratch, owner.pw_uid, owner.pw_gid)
    data = scratch / "data"

    def run(tool, *arguments):
        if start([POSTGRES / tool, *arguments], **QUIET, **as_owner).wait():
            raise SystemExit(f"{tool} failed")

    run("initdb", "-D", data, "-N")
    run("pg_ctl", "-D", data, "-w", "-l", scratch / "log", "-o",
        f"-k {scratch} -c listen_addresses= -c fsync=off", "start")
    try:
        connection = ["-h", scratch, "postgres"]
        run("pgbench", "-i", "-q", *connection)
        postmaster = int((data / "postmaster.pid").read_text().split()[0])
        # Every connection is a process, seen if it begins after the watching: none lasts long.
        with (
            fed("busy_sql.py", POSTGRES / "psql", "-q", *connection, **as_owner),
            fed("busy_sql.py", POSTGRES / "psql", "-q", *connection, **as_owner),
            fed("busy_sql.py", POSTGRES / "pgbench", "-n", "-T", 2, *connection, **as_owner),
        ):
            yield postmaster, ["--children"]
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")


PROGRAMS = {"python3": python, "redis-server": redis, "postgres": postgres}


# ---- Watching and counting ----


def watch(pid, options, seconds):
    """The report after that time."""
    done = subprocess.run(
        [heaptap, "watch", "--pid", str(pid), "--exact", "--json", "--top", "1000000",
         "--max-stacks", "200000", "--interval", str(seconds), "--duration", str(seconds),
         *options], capture_output=True, timeout=10 * seconds + 30, check=False)
    lines = done.stdout.splitlines()
    if not lines:
        raise SystemExit(f"heaptap wrote no report: {done.stderr.decode().strip()}")
    return json.loads(lines[-1])


def first_code(pid):
    """By the name of each file that the process executes: addresses of code that nobody calls."""
    with open(f"/proc/{pid}/maps") as mappings:
        paths = {line[line.index("/"):].rstrip("\n") for line in mappings
                 if " r-xp " in line and "/" in line}
    found = {}
    for path in filter(os.path.exists, paths):
        with open(path, "rb") as file:
            starts = set(struct.unpack_from("<24xQ", file.read(64)))
        for function in FIRST_FUNCTIONS:
            starts |= symbols(path).get(function, set())
        found[os.path.basename(path)] = [range(start, start + FIRST_BYTES) for start in starts]
    return found


def cause(site, first):
    """Why a stack is not complete; None if it is."""
    if not site["stack"]:
        return f"has no frames ({site.get('truncated_by')})"
    last = site["stack"][-1]
    reached = any(int(last["offset"], 16) in code for code in first.get(last["module"], []))
    if reached:
        return "reaches the first frame and is flagged as truncated" if site["truncated"] else None
    if not site["truncated"]:
        return "does not reach the first frame and is not flagged"
    return site.get("truncated_by") or "cause not told"


def text(frame):
    return f"{frame['function'] or '??'} in {frame['module'] or '??'}+{frame['offset']}"


def count(name, seconds, scratch):
    """Prints what there is of a program; whether that is good enough."""
    with PROGRAMS[name](scratch) as (pid, options):
        report = watch(pid, options, seconds)
        first = first_code(pid)
    stacks, blocks, examples = Counter(), Counter(), defaultdict(Counter)
    for site in report["sites"]:
        why = cause(site, first)
        stacks[why] += 1
        blocks[why] += site["allocated_blocks"]
        if why:
            examples[why][text(site["stack"][-1]) if site["stack"] else "nothing"] += 1
    share = stacks[None] / max(stacks.total(), 1)
    of_blocks = blocks[None] / max(blocks.total(), 1)
    depth = sum(len(site["stack"]) for site in report["sites"]) / max(stacks.total(), 1)
    print(f"{name}: {stacks.total()} stacks of {blocks.total()} allocations, {depth:.0f} frames on"
          f" average; {100 * share:.2f} % of the stacks, of {100 * of_blocks:.2f} % of the"
          " allocations, reach the first frame")
    for why in sorted(filter(None, stacks), key=lambda why: -stacks[why]):
        print(f"  {stacks[why]:7} stacks, {blocks[why]:9} allocations: {why}; they end in")
        for frame, number in examples[why].most_common(5):
            print(f"  {number:15} {frame}")
    if report["lost"]["total"]:
        print(f"  lost: {report['lost']['by_reason']}")
    sys.stdout.flush()
    # A site without frames may stand for many stacks.
    return share >= WANTED_SHARE and not any(
        "flagged" in why or "no frames" in why for why in stacks if why)


def is_good_enough(name, seconds):
    with tempfile.TemporaryDirectory(prefix="reach-") as folder:
        os.chmod(folder, 0o755)
        try:
            return count(name, seconds, Path(folder))
        except subprocess.TimeoutExpired as error:
            print(f"{name}: {error}")
            return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20, help="how long each is watched")
    parser.add_argument("names", nargs="*", metavar="NAME", help="programs; all if none is given")
    arguments = parser.parse_args()
    # Code that a process maps late is known after some milliseconds, on a busy machine after more: not twice.
    wrong = sum(not any(is_good_enough(name, arguments.seconds) for _ in range(2))
                for name in arguments.names or PROGRAMS)
    print(f"{len(arguments.names or PROGRAMS)} programs, {wrong} of them not good enough")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
