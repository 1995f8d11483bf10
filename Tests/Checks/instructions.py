#!/usr/bin/env python3
"""Compares the instruction counts of the kernel programs with a baseline; fails on growth of more than a tenth.

Reads what `heaptap verify` prints, one program per line: NAME INSTRUCTIONS RESULT, where RESULT is `ok` or what the
verifier said. The baseline has NAME INSTRUCTIONS. `--record` writes it instead. `--self-test` plants each failure.
"""

import argparse
import sys
from pathlib import Path

ALLOWED_GROWTH = 0.10


def read_baseline(text: str) -> dict[str, int]:
    rows = (line.split() for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {name: int(count) for name, count in rows}


def read_programs(text: str) -> tuple[dict[str, int], list[str]]:
    """Instruction counts by program, and what is wrong with the programs that did not load."""
    counts, failures = {}, []
    for line in text.splitlines():
        name, _, rest = line.strip().partition(" ")
        count, _, result = rest.strip().partition(" ")
        if not count.isdigit():
            continue
        counts[name] = int(count)
        if result.strip() != "ok":
            failures.append(f"{name}: not loaded: {result.strip() or 'no result given'}")
    return counts, failures


def compare(counts: dict[str, int], baseline: dict[str, int]) -> list[str]:
    failures = []
    for name, count in counts.items():
        if name not in baseline:
            failures.append(f"{name}: {count} instructions, not in the baseline")
        elif count > baseline[name] * (1 + ALLOWED_GROWTH):
            failures.append(f"{name}: {count} instructions, {count / baseline[name] - 1:.0%} over the baseline {baseline[name]}")
    failures += [f"{name}: in the baseline, but `heaptap verify` does not name it" for name in baseline.keys() - counts.keys()]
    return failures


def self_test() -> None:
    baseline = read_baseline("# comment\nallocate 100\nrelease 50\n")
    counts, failures = read_programs("PROGRAM  INSTRUCTIONS  RESULT\nallocate  110  ok\nrelease 50 ok\n")
    assert not failures and not compare(counts, baseline)
    assert len(compare(counts | {"allocate": 111}, baseline)) == 1
    assert len(compare(counts | {"extra": 1}, baseline)) == 1
    assert len(compare({"allocate": 100}, baseline)) == 1
    assert read_programs("allocate 100 R1 invalid mem access\n")[1]
    assert read_programs("allocate 100\n")[1]
    print("instructions: 5 planted failures found")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--record", action="store_true")
    arguments.add_argument("--self-test", action="store_true")
    arguments.add_argument("baseline", type=Path, nargs="?")
    options = arguments.parse_args()
    if options.self_test:
        self_test()
        return 0

    text = sys.stdin.read()
    print(text, end="")
    counts, failures = read_programs(text)
    if not counts:
        print("instructions: no program was named on standard input", file=sys.stderr)
        return 1
    if options.record:
        rows = "".join(f"{name} {count}\n" for name, count in sorted(counts.items()))
        options.baseline.write_text("# Instructions of each kernel program as loaded; written by `make verify RECORD=1`.\n" + rows)
    elif not options.baseline.exists():
        failures.append(f"no baseline at {options.baseline}; write one with `sudo make verify RECORD=1`")
    else:
        failures += compare(counts, read_baseline(options.baseline.read_text()))
    for failure in failures:
        print(f"instructions: {failure}", file=sys.stderr)
    print(f"instructions: {len(counts)} programs, {sum(counts.values())} instructions, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
