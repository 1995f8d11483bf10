#!/usr/bin/env python3
"""Compares heaptap's stacks of real programs with gdb's, at the very same allocator calls.

Usage: stacks.py [--calls N] [NAME...]    (as root; HEAPTAP_BINARY and HEAPTAP_WORKLOADS as in
                                           Tests/README.md)

Of each program, N calls spread over the run are looked at: gdb counts to call k and writes its
backtrace, heaptap records call k alone. Equal means: the same frames up to the first, each with the
same module and the same address in it, and the same functions there, inlined ones included.
Exit status: 0 everything is equal, 1 otherwise.
"""

import argparse
import functools
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

here = Path(__file__).resolve().parent
root = here.parent.parent
heaptap = os.environ.get("HEAPTAP_BINARY", str(root / ".build/debug/heaptap"))
workloads = Path(os.environ.get("HEAPTAP_WORKLOADS", here.parent / "Workloads/build"))
programs = here / "programs"

ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "PWD": str(here),
    "SHELL": "/bin/sh",
    "PYTHONMALLOC": "malloc",
    "PYTHONHASHSEED": "0",
    "PERL_HASH_SEED": "0",
    "PERL_PERTURB_KEYS": "0",
    "SWIFT_DETERMINISTIC_HASHING": "1",
}

FIXED_ADDRESSES = ["/usr/bin/setarch", "--addr-no-randomize"]
LIBC = "/usr/lib/x86_64-linux-gnu/libc.so.6"
ALLOCATOR = ("malloc", "calloc", "realloc", "reallocarray", "memalign", "aligned_alloc",
             "posix_memalign", "valloc", "pvalloc")
# gdb needs 0.4 ms a call.
LAST_CALL = 30000
# Where stacks begin; anything else that gdb calls the outermost frame is to be looked at.
FIRST_FUNCTIONS = {"_start", "_dl_start_user", "__clone3", "clone3", "__clone", "clone"}

BASH_LOOP = (
    'for ((i = 0; i < 200; i++)); do a[i % 100]="x$i${a[i % 100]:0:20}"; done; echo "${#a[@]}"'
)


def commands(scratch):
    """Programs without frame pointers, each the same in every run."""
    containers, words, lines = scratch / "containers", scratch / "words", scratch / "lines"
    lines.write_text("".join(f"{i * 7919 % 20011} text-{i % 97}\n" for i in range(2000)))
    subprocess.run(["g++", "-O2", "-g", "-o", containers, programs / "containers.cpp"], check=True)
    found = {
        "C": [workloads / "deep_frames"],
        "C++": [containers],
        "python": ["/usr/bin/python3", "-S", "-B", programs / "calls.py"],
        "perl": ["/usr/bin/perl", programs / "objects.pl"],
        "sqlite3": ["/usr/bin/sqlite3", "-init", "/dev/null", ":memory:",
                    f".read {programs / 'tables.sql'}"],
        "bash": ["/bin/bash", "--norc", "-c", BASH_LOOP],
        "tclsh": ["/usr/bin/tclsh", programs / "tree.tcl"],
        "jq": ["/usr/bin/jq", "-n", "[range(200) | {key: \"k\\(. % 50)\", value: .}]"
               " | group_by(.key) | map(length) | add"],
        "awk": ["/usr/bin/awk", "-f", programs / "sum.awk", lines],
    }
    swiftc = shutil.which("swiftc")
    if swiftc:
        subprocess.run([swiftc, "-O", "-o", words, programs / "words.swift"], check=True)
        found["Swift"] = [words]
    return {
        name: [str(word) for word in command]
        for name, command in found.items() if os.access(command[0], os.X_OK)
    }


class Unmeasured(Exception):
    pass


def run(command):
    return subprocess.run(command, env=ENVIRONMENT, cwd=here, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=300,
                          check=False)


# ---- The two observers ----


def by_heaptap(command, options, scratch):
    reports = scratch / "reports"
    reports.unlink(missing_ok=True)
    # As gdb does it: what a program does with sets of objects depends on their addresses.
    done = run([*FIXED_ADDRESSES, heaptap, "run", "--exact", "--json", *options,
                "--output", reports, "--", *command])
    lines = reports.read_text().splitlines() if reports.exists() else []
    if not lines:
        raise Unmeasured(f"heaptap wrote no report (status {done.returncode}): "
                         f"{done.stderr.decode().strip()}")
    return json.loads(lines[-1])


def count_by_heaptap(command, scratch):
    return by_heaptap(command, ["--top", "1"], scratch)["targets"][0]["allocated_blocks"]


def stack_by_heaptap(command, call, scratch):
    report = by_heaptap(command, ["--only-allocation", str(call)], scratch)
    blocks = [site["allocated_blocks"] for site in report["sites"]]
    if blocks != [1]:
        raise Unmeasured(f"heaptap recorded sites of {blocks} blocks for call {call}")
    return report["sites"][0]


@functools.cache
def allocator_functions():
    """[name, module, address, bytes] of each; names of one address once."""
    listing = subprocess.run(["nm", "-D", "-S", "--defined-only", LIBC], capture_output=True,
                             text=True, check=True).stdout
    found = {}
    for line in listing.splitlines():
        address, size, _, name = line.split() if len(line.split()) == 4 else [None] * 4
        if name and name.split("@")[0] in ALLOCATOR:
            found[address] = [name.split("@")[0], LIBC, int(address, 16), int(size, 16)]
    return list(found.values())


def by_gdb(command, calls, last, scratch):
    request, output = scratch / "request", scratch / "stacks"
    output.unlink(missing_ok=True)
    request.write_text(json.dumps({"functions": allocator_functions(), "calls": calls,
                                   "last": last, "output": str(output)}))
    done = run(["/usr/bin/gdb", "-nx", "-batch", "-ex", f"python REQUEST = {str(request)!r}",
                "-x", here / "record_stacks.py", "--args", *command])
    if not output.exists():
        raise Unmeasured(f"gdb wrote no stacks: {done.stderr.decode().strip()}")
    return json.loads(output.read_text())


# ---- Names ----


@functools.cache
def spellings(name):
    """A symbol's name without version and the compiler's suffixes, and what it is demangled to."""
    name = re.sub(r"@.*|\s*\[clone [^]]*\]", "", name or "")
    name = re.sub(r"\.(part|constprop|isra|cold|lto_priv|llvm)\b[.\d]*", "", name)
    commands = {
        "_Z": [["c++filt"], ["c++filt", "-i"], ["c++filt", "-p"]],
        "$s": [["swift", "demangle", "--compact"],
               ["swift", "demangle", "--compact", "--simplified"]],
    }.get(name[:2], [])
    found = {name} | {
        subprocess.run([*command, name], capture_output=True, text=True, check=True).stdout.strip()
        for command in commands
    }
    return found | {short_types(spelling) for spelling in found}


def short_types(name):
    """Swift's types as the language abbreviates them; its runtime demangles to the long names."""
    forms = [(r"Swift\.Optional<([^<>]*)>", r"\1?"), (r"Swift\.Array<([^<>]*)>", r"[\1]"),
             (r"Swift\.Dictionary<([^<>,]*), ([^<>]*)>", r"[\1 : \2]")]
    while True:
        shorter = functools.reduce(lambda text, form: re.sub(*form, text), forms, name)
        if shorter == name:
            return name
        name = shorter


@functools.cache
def symbols(module):
    """Addresses by name, from the module and its separate debug information."""
    notes = subprocess.run(["readelf", "-n", module], capture_output=True, text=True).stdout
    build_id = re.search(r"Build ID: (\w\w)(\w+)", notes)
    files = [module]
    if build_id:
        files.append("/usr/lib/debug/.build-id/{}/{}.debug".format(*build_id.groups()))
    found = {}
    for file in files:
        for option in [], ["-D"]:
            listing = subprocess.run(["nm", *option, file], capture_output=True, text=True).stdout
            for line in listing.splitlines():
                words = line.split()
                if len(words) == 3:
                    found.setdefault(words[2].split("@")[0], set()).add(int(words[0], 16))
    return found


def same_function(ours, theirs, module):
    """Whether two names mean one function; what gdb has no name for, nobody needs to name."""
    if theirs is None or spellings(ours) & spellings(theirs):
        return True
    if "…" in (ours or ""):  # very long names are cut in the middle
        head, tail = ours.split("…")
        return any(true.startswith(head) and true.endswith(tail) for true in spellings(theirs))
    if ours is None or not module.startswith("/"):
        return False
    of = symbols(module)
    return bool(of.get(ours, set()) & of.get(theirs, set()))


# ---- Comparing ----


def physical(frames):
    """Frames that are in memory, each with the functions that run in it, innermost first."""
    joined, functions = [], []
    for frame in frames:
        functions.append(frame["function"])
        if not frame["inlined"]:
            joined.append((frame, functions))
            functions = []
    return joined


def describe(frame, functions, offset):
    names = " < ".join(function or "??" for function in functions)
    return f"{names} in {os.path.basename(frame['module'] or '??')}+{offset:#x}"


def difference(site, backtrace):
    """Where two stacks begin to differ, innermost frame first; None: nowhere."""
    ours, theirs = physical(site["stack"]), physical(backtrace["frames"])
    for depth, (right, right_functions) in enumerate(theirs):
        truth = describe(right, right_functions, right["address"])
        if depth == len(ours):
            return (f"heaptap has {depth} frames of {len(theirs)}, truncated by "
                    f"{site.get('truncated_by')}; gdb goes on with {truth}")
        mine, functions = ours[depth]
        offset = int(mine["offset"], 16)
        if not (
            (mine["module"] or "") == os.path.basename(right["module"])
            and offset == right["address"]
            and len(functions) == len(right_functions)
            and all(map(same_function, functions, right_functions,
                        [right["module"]] * len(functions)))
        ):
            return (f"frame {depth} of {len(theirs)}: heaptap {describe(mine, functions, offset)};"
                    f" gdb {truth}")
    if len(ours) > len(theirs) and not doubt(backtrace):
        mine, functions = ours[len(theirs)]
        return (f"gdb ends after {len(theirs)} frames; heaptap goes on with "
                f"{describe(mine, functions, int(mine['offset'], 16))}")
    if site["truncated"] and not doubt(backtrace):
        return f"equal, but heaptap says that it is truncated by {site.get('truncated_by')}"
    return None


def line_differences(site, backtrace):
    """How many frames have another source line; the two readers choose among several rows."""
    pairs = zip(site["stack"], backtrace["frames"])
    return sum(
        bool(ours["line"] and true["line"]) and ours["line"] != true["line"]
        for ours, true in pairs
    )


def doubt(backtrace):
    """Why gdb's own stack may not be complete; None if it is."""
    last = backtrace["frames"][-1]
    if last["function"] in FIRST_FUNCTIONS or backtrace["end"] == "outermost":
        return None
    return (f"gdb's stack ends in {last['function'] or '??'} of "
            f"{os.path.basename(last['module'])}: {backtrace['end']}")


def spread(name, count, total):
    """Calls to look at: one of each of `count` equal parts of the run, the same ones every time."""
    chance = random.Random(name)
    count = min(count, total)
    return sorted({chance.randint(total * i // count + 1, total * (i + 1) // count)
                   for i in range(count)})


def compare(name, command, count, scratch):
    """Prints a row and the differences below it; whether there were none."""
    total = count_by_heaptap(command, scratch)
    reachable = min(total, LAST_CALL)
    calls = spread(name, count, reachable)
    truth = by_gdb(command, calls, None if total <= LAST_CALL else calls[-1], scratch)
    remarks, equal, frames, inlined, lines = [], 0, 0, 0, 0
    if truth["ended"] and truth["count"] != total:
        remarks.append(f"heaptap counts {total} calls, gdb {truth['count']}")
    for call in calls:
        backtrace = truth["stacks"].get(str(call))
        if backtrace is None:
            remarks.append(f"call {call}: gdb did not get there")
            continue
        site = stack_by_heaptap(command, call, scratch)
        found = difference(site, backtrace)
        equal += found is None
        frames += len(physical(backtrace["frames"]))
        inlined += sum(frame["inlined"] for frame in backtrace["frames"])
        lines += line_differences(site, backtrace) if found is None else 0
        if found:
            remarks.append(f"call {call}: {found}")
        if doubt(backtrace):
            remarks.append(f"call {call}: {doubt(backtrace)}")
    print(ROW.format(name, total, len(calls), equal, len(calls) - equal, frames, inlined, lines))
    for remark in remarks:
        print(f"    {remark}")
    sys.stdout.flush()
    return equal == len(calls) and (not truth["ended"] or truth["count"] == total)


ROW = "{:10} {:>8} {:>6} {:>6} {:>9} {:>7} {:>8} {:>12}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=20, help="calls of each program")
    parser.add_argument("names", nargs="*", metavar="NAME", help="programs; all if none is given")
    arguments = parser.parse_args()
    print(ROW.format("program", "calls", "seen", "equal", "different", "frames", "inlined",
                     "other lines"))
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="stacks-") as folder:
        scratch = Path(folder)
        known = commands(scratch)
        for name in arguments.names or known:
            try:
                wrong += not compare(name, known[name], arguments.calls, scratch)
            except (Unmeasured, subprocess.TimeoutExpired) as error:
                print(f"{name}: {error}")
                wrong += 1
    print(f"{len(arguments.names or known)} programs, {wrong} of them with differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
