#!/usr/bin/env python3
"""Compares heaptap's figures of real programs with valgrind's and with a preloaded counter's.

Usage: compare.py [NAME...]    (as root; HEAPTAP_BINARY and HEAPTAP_WORKLOADS as in Tests/README.md)

All three see the same program in the same environment: what valgrind adds to it is given to the
others as well, and LD_PRELOAD has the same length everywhere, since programs copy their environment
to the heap. Exit status: 0 all figures are equal and nothing was lost, 1 otherwise.
"""

import ctypes
import json
import os
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

FIXED_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "PYTHONMALLOC": "malloc",
    "PYTHONHASHSEED": "0",
    "PERL_HASH_SEED": "0",
    "PERL_PERTURB_KEYS": "0",
    "SWIFT_DETERMINISTIC_HASHING": "1",
}

VALGRIND = ["valgrind", "--run-libc-freeres=no", "--run-cxx-freeres=no"]

# Programs whose bytes depend on where the heap is; the preloaded counter is the truth for these.
ADDRESS_DEPENDENT = {
    "python": "valgrind's heap is below 2^30, where an int that holds an address is 4 bytes shorter",
}

BASH_LOOP = (
    'for ((i = 0; i < 2000; i++)); do a[i % 100]="x$i${a[i % 100]:0:20}"; done; echo "${#a[@]}"'
)


def commands(scratch):
    """The programs, each the same in every run."""
    lines = scratch / "lines"
    with lines.open("w") as file:
        for i in range(1, 20001):
            file.write(f"{i * 7919 % 20011} {i} some text-{i % 97}:{i % 13}\n")
    containers, words = scratch / "containers", scratch / "words"
    subprocess.run(["g++", "-O1", "-o", containers, programs / "containers.cpp"], check=True)
    found = {
        "C": [workloads / "mix"],
        "C++": [containers],
        "perl": ["/usr/bin/perl", programs / "objects.pl"],
        "python": ["/usr/bin/python3", "-S", "-B", programs / "objects.py"],
        "sqlite3": ["/usr/bin/sqlite3", "-init", "/dev/null", ":memory:",
                    f".read {programs / 'tables.sql'}"],
        "sort": ["/usr/bin/sort", "--parallel=1", "-S", "4M", lines],
        "awk": ["/usr/bin/awk", "-f", programs / "sum.awk", lines],
        "bc": ["/usr/bin/bc", "-q", programs / "digits.bc"],
        "grep": ["/usr/bin/grep", "-cE", r"([0-9]+)-\1|text-(9|8)+:1", lines],
        "sed": ["/usr/bin/sed", "-n", r"s/\([0-9]*\)-\(.*\)/\2 \1/p", lines],
        "jq": ["/usr/bin/jq", "-n", "[range(2000) | {key: \"k\\(. % 50)\", value: .}]"
               " | group_by(.key) | map(length) | add"],
        "bash": ["/bin/bash", "--norc", "-c", BASH_LOOP],
        "tclsh": ["/usr/bin/tclsh", programs / "tree.tcl"],
        "openssl": ["/usr/bin/openssl", "version", "-a"],
        "xz": ["/usr/bin/xz", "-1", "-k", "-c", "-T1", lines],
    }
    swiftc = shutil.which("swiftc")
    if swiftc:
        subprocess.run([swiftc, "-O", "-o", words, programs / "words.swift"], check=True)
        found["Swift"] = [words]
    return {
        name: [str(word) for word in command]
        for name, command in found.items() if os.access(command[0], os.X_OK)
    }


def run(command, environment):
    """Runs a command as the child of a new process: shells keep their parent's id as text, too."""
    parent = os.fork()
    if parent:
        os.waitpid(parent, 0)
        return
    try:
        subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, cwd=here,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300,
                       check=False)
    finally:
        os._exit(0)


def guest_environment(environment):
    """What a program under valgrind finds as its environment."""
    listing = subprocess.run([*VALGRIND, "-q", "/usr/bin/env", "-0"], env=environment, cwd=here,
                             capture_output=True, check=True).stdout.decode()
    return dict(entry.split("=", 1) for entry in listing.split("\0") if entry)


def preload_of_length(library, length, scratch):
    """A path of the library that is exactly as long as wanted."""
    link = scratch / "c.so"
    if not link.exists():
        link.symlink_to(library)
    folder = str(scratch) + "/"
    missing = length - len(folder) - len("c.so")
    return folder + "./" * (missing // 2) + "/" * (missing % 2) + "c.so"


def pass_power_of_ten():
    """Shells keep process ids as text: those of the three runs shall have equally many digits."""
    highest = int(Path("/proc/sys/kernel/pid_max").read_text())  # then they begin anew, at 300
    while True:
        with subprocess.Popen(["true"]) as process:
            later = process.pid + 1000
            if later < highest and len(str(process.pid)) == len(str(later)):
                return


class Unmeasured(Exception):
    pass


def by_valgrind(command, environment, scratch):
    log = scratch / "valgrind"
    run([*VALGRIND, f"--log-file={log}", *command], environment)
    found = re.search(r"usage: ([\d,]+) allocs, ([\d,]+) frees, ([\d,]+) bytes", log.read_text())
    if not found:
        raise Unmeasured("valgrind printed no totals")
    return tuple(int(figure.replace(",", "")) for figure in found.groups())


def by_counter(command, environment, scratch):
    preload = preload_of_length(workloads / "count_calls.so", len(environment["LD_PRELOAD"]),
                                scratch)
    run(command, environment | {"LD_PRELOAD": preload})
    try:
        return tuple(int(figure) for figure in (scratch / "count").read_text().split())
    except FileNotFoundError:
        raise Unmeasured("the preloaded counter wrote nothing") from None


def by_heaptap(command, environment, scratch):
    reports = scratch / "reports"
    reports.unlink(missing_ok=True)
    started = subprocess.run(
        [heaptap, "run", "--exact", "--json", "--output", reports, "--", *command],
        env=environment, stdin=subprocess.DEVNULL, cwd=here, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, timeout=300, check=False)
    lines = reports.read_text().splitlines() if reports.exists() else []
    if not lines:
        raise Unmeasured(f"heaptap wrote no report (status {started.returncode})")
    last = json.loads(lines[-1])
    target = last["targets"][0]
    figures = (target["allocated_blocks"], target["freed_blocks"], target["allocated_bytes"])
    return figures, last["lost"]


def fix_addresses():
    """Places all that we start where it always is (personality(2)): what hangs on addresses is the same each time."""
    no_randomization = 0x40000
    ctypes.CDLL(None).personality(no_randomization)


def main():
    fix_addresses()
    row = "{:10} {:>8} {:>9} {:>9} {:>11} {:>6} {:>6} {:>6}  {}"
    print(row.format("program", "by", "allocs", "frees", "bytes", "±", "±", "±", ""))
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="truth-") as folder:
        scratch = Path(folder)
        own = FIXED_ENVIRONMENT | {"PWD": str(here), "COUNT_FILE": str(scratch / "count")}
        environment = guest_environment(own)
        chosen = commands(scratch)
        for name in sys.argv[1:] or chosen:
            command = chosen[name]
            pass_power_of_ten()
            try:
                expected = by_valgrind(command, own, scratch)
                print(row.format(name, "valgrind", *expected, "", "", "", ""))
                counted = by_counter(command, environment, scratch)
                heard, lost = by_heaptap(command, environment, scratch)
            except (Unmeasured, subprocess.TimeoutExpired) as error:
                print(f"{name}: {error}")
                wrong += 1
                continue
            for by, figures in ("counter", counted), ("heaptap", heard):
                differences = [a - b for a, b in zip(figures, expected)]
                remark = f"lost {lost['by_reason']}" if by == "heaptap" and lost["total"] else ""
                shown = [f"{difference:+d}" if difference else "0" for difference in differences]
                print(row.format("", by, *figures, *shown, remark), flush=True)
            if name in ADDRESS_DEPENDENT and counted[:2] == expected[:2]:
                print(f"{'':10} {ADDRESS_DEPENDENT[name]}")
                expected = counted
            wrong += heard != expected or lost["total"] > 0
    print(f"{len(sys.argv[1:] or chosen)} programs, {wrong} of them with wrong or missing figures")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
