#!/usr/bin/env python3
"""Compares what heaptap says of leaks with what valgrind's memcheck says of the same programs.

Usage: leaks.py [NAME…]    (as root; HEAPTAP_BINARY as in Tests/README.md)

`programs/leak_shapes.c` leaves blocks behind in one shape at a time: chains, trees, rings, pointers into blocks, thread-local
storage, stacks, registers, contexts. Each shape ends under `heaptap run --fail-on-leak` and under memcheck; blocks and
requested bytes must be the same for each kind, and so must the verdict: status 1 if a block is definitely or indirectly lost.
So do some programs of this machine.
Exit status: 0 all of that holds; 1 otherwise.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

here = Path(__file__).resolve().parent
heaptap = os.environ.get("HEAPTAP_BINARY", here.parent.parent / ".build/release/heaptap")
KINDS = {"definitely": "definitely lost", "indirectly": "indirectly lost", "possibly": "possibly lost", "reachable": "still reachable"}

# Shapes of which memcheck says something else than the program does, by construction. Its heap is at low addresses, where
# numbers of 32 bits that the loader keeps look like pointers into a block of 32 MiB (`who_points_at` of its gdbserver shows them).
DIFFERENT = {
    "large": {"definitely": (1, 32 << 20), "indirectly": (0, 0), "possibly": (0, 0), "reachable": (1, 5 << 20)},
}


# Run at the same addresses each time: at others a stray word looks like a reference to a block or two of perl's, in two of
# fourteen runs.
PROGRAMS = {
    "perl": ["perl", "-e", "my $all = []; for (1..50) { my $x = []; push @$x, $x } print 1"],
    "sqlite3": ["sqlite3", ":memory:", "create table t(a); insert into t values(1), (2); select sum(a) from t"],
    "gawk": ["gawk", "BEGIN { for (i = 0; i < 100; i++) a[i] = i \"x\"; print length(a) }"],
}


ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/root", "PERL_HASH_SEED": "0"}


def environment_of_valgrind():
    """The same with as many variables of the same length as valgrind adds to it, of which programs keep copies."""
    lines = subprocess.run(["valgrind", "-q", "env"], env=ENVIRONMENT, capture_output=True, text=True).stdout.splitlines()
    added = dict(line.split("=", 1) for line in lines if line.split("=", 1)[0] not in ENVIRONMENT)
    return ENVIRONMENT | {"Z" + name[1:]: value for name, value in added.items()}


def with_memcheck(name, words):
    """Blocks and bytes by kind, as memcheck counts them: heuristics off, and libc keeps what it has."""
    result = subprocess.run(
        ["valgrind", "--leak-check=full", "--show-leak-kinds=all", "--leak-check-heuristics=none", "--run-libc-freeres=no",
         *words], env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    # It ends early where somebody probes the libraries that it translates, and then it has counted nothing.
    if "ERROR SUMMARY" not in result.stderr:
        sys.exit(f"leaks.py: valgrind could not run {name}: status {result.returncode}; watch nothing else meanwhile\n{result.stderr}")
    figures = {}
    for kind, title in KINDS.items():
        found = re.search(rf"{title}: ([\d,]+) bytes in ([\d,]+) blocks", result.stderr)
        figures[kind] = tuple(int(text.replace(",", "")) for text in reversed(found.groups())) if found else (0, 0)
    return figures


def with_heaptap(words, environment, folder):
    """The same, and the exit status."""
    output = folder / "reports"
    result = subprocess.run(
        [heaptap, "run", "--fail-on-leak", "--json", "--output", output, "--", *words],
        env=environment, capture_output=True, text=True, timeout=120)
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    found = [line for line in lines if line["schema"] == "heaptap.leaks/1"]
    if not found:
        return None, result
    figures = {kind: (found[0][kind]["blocks"], found[0][kind]["requested_bytes"] or 0) for kind in KINDS}
    return figures, result


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = folder / "leak_shapes"
        subprocess.run(["gcc", "-std=gnu17", "-O0", "-g", "-fno-builtin", "-w", "-pthread", "-o", program,
                        here / "programs/leak_shapes.c"], check=True)
        shapes = subprocess.run([program, "list"], capture_output=True, text=True, check=True).stdout.split()
        wrong = 0
        environment = environment_of_valgrind()
        subjects = {shape: [program, shape] for shape in shapes} | PROGRAMS
        chosen = sys.argv[1:] or list(subjects)
        for shape in chosen:
            expected = DIFFERENT.get(shape) or with_memcheck(shape, subjects[shape])
            figures, result = with_heaptap((["setarch", "-R"] if shape in PROGRAMS else []) + subjects[shape], environment, folder)
            status = 1 if expected["definitely"][0] + expected["indirectly"][0] else 0
            is_same = figures == expected and result.returncode == status
            wrong += not is_same
            text = "  ".join(f"{kind} {blocks}/{count}" for kind, (blocks, count) in expected.items() if blocks)
            print(f"{'same     ' if is_same else 'DIFFERENT'}  {shape:18}  {text}", flush=True)
            if not is_same:
                print(f"           heaptap: {figures}, status {result.returncode}\n{result.stderr}", flush=True)
        print(f"{len(chosen) - wrong} of {len(chosen)} as expected, {sum(shape in DIFFERENT for shape in chosen)} of them by construction")
        return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
