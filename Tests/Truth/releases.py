#!/usr/bin/env python3
"""Compares heaps of other releases of glibc with what programs wrote down of them.

Usage: releases.py [--suites bullseye,bookworm,trixie,sid] [--seeds 1,2]    (as root; HEAPTAP_BINARY as in Tests/README.md)

Debian's libc6 and libc6-dev of each suite are fetched with apt into .build/trees, unpacked, and the programs of
`InspectionTests/Programs` are linked against them and run through their own loader, with several tunables. Every live
block has to be found, nothing else may be, each check of the heap has to hold, and `malloc_trim(0)` has to
return what was foretold.
Exit status: 0 all of that holds; 1 otherwise.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

here = Path(__file__).resolve().parent
root = here.parent.parent
programs = here.parent / "InspectionTests/Programs"
trees = root / ".build/trees"
heaptap = os.environ.get("HEAPTAP_BINARY", root / ".build/release/heaptap")

PACKAGES = ["libc6", "libc6-dev", "linux-libc-dev"]
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
MIRROR = "http://deb.debian.org/debian"
SHAPES = ["alternating", "tail", "arenas", "top", "fast", "nothing"]
# glibc ignores those that it does not know.
TUNABLES = ["", "glibc.malloc.tcache_count=0", "glibc.malloc.tcache_count=127", "glibc.malloc.mxfast=160",
            "glibc.malloc.arena_max=1", "glibc.malloc.mmap_threshold=100000", "glibc.malloc.perturb=85",
            "glibc.malloc.hugetlb=1", "glibc.malloc.tcache_max=1048576"]


def apt(folder, *words, cwd=None):
    """Runs apt with a state of its own, so that the machine's stays as it is."""
    options = [f"Dir::Etc::sourcelist={folder}/sources.list", "Dir::Etc::sourceparts=-",
               f"Dir::State::lists={folder}/lists", f"Dir::Cache={folder}/cache", "APT::Sandbox::User=root"]
    subprocess.run(["apt-get", "-qq", *(word for option in options for word in ("-o", option)), *words], check=True,
                   cwd=cwd, stdout=subprocess.DEVNULL)


def tree(suite):
    """A folder with a suite's C library and what is needed to link with it, made once."""
    folder = trees / f"libc-{suite}"
    if folder.exists():
        return folder
    work = trees / f"libc-{suite}.new"
    shutil.rmtree(work, ignore_errors=True)
    for name in ("lists/partial", "cache/archives/partial", "files"):
        (work / name).mkdir(parents=True)
    (work / "sources.list").write_text(f"deb [signed-by={KEYRING}] {MIRROR} {suite} main\n")
    apt(work, "update")
    apt(work, "download", *(f"{package}/{suite}" for package in PACKAGES), cwd=work)
    for archive in work.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", archive, work / "files"], check=True)
    # Where /usr is merged, packages have files below it only.
    for name in ("lib", "lib64"):
        if not (work / "files" / name).exists():
            (work / "files" / name).symlink_to(f"usr/{name}")
    for link in [path for path in (work / "files").rglob("*") if path.is_symlink()]:
        if (goal := os.readlink(link)).startswith("/"):
            link.unlink()
            link.symlink_to(os.path.relpath(f"{work}/files{goal}", link.parent))
    (work / "files").rename(folder)
    shutil.rmtree(work)
    return folder


def build(folder, name):
    """A program that is linked with a suite's C library; the words that run it through its own loader."""
    target = folder / name
    libraries = folder / "lib/x86_64-linux-gnu"
    subprocess.run(["gcc", f"--sysroot={folder}", f"-B{folder}/usr/lib/x86_64-linux-gnu/", f"-L{libraries}",
                    f"-L{folder}/usr/lib/x86_64-linux-gnu", "-O0", "-fno-builtin", "-pthread", "-o", target,
                    programs / f"{name}.c"], check=True)
    loader = next(path for path in (libraries / "ld-linux-x86-64.so.2", folder / "lib64/ld-linux-x86-64.so.2")
                  if path.exists())
    return [loader, "--library-path", libraries, target]


def start(words, tunables):
    """A program that is ready, and the lines that it printed before."""
    environment = {**os.environ, "GLIBC_TUNABLES": tunables} if tunables else None
    process = subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, text=True, env=environment)
    lines = []
    for line in process.stdout:
        if line == "ready\n":
            return process, lines
        lines.append(line.split())
    raise SystemExit(f"{words[-1]} ended with {process.wait()}")


def inspect(command, pid):
    run = subprocess.run([heaptap, command, "--json", "--max-pause", "60", "--pid", str(pid)], capture_output=True,
                         text=True)
    if run.returncode:
        raise SystemExit(f"heaptap {command} failed: {run.stderr}")
    return run.stdout, run.stderr


def compare_blocks(words, tunables, arguments):
    """What is wrong with the blocks of one program, and how many it has."""
    process, lines = start([*words, *arguments], tunables)
    output, errors = inspect("blocks", process.pid)
    truth = {(int(address), int(size)) for address, size in lines}
    found = [(int(block["address"], 16), block["bytes"]) for block in map(json.loads, output.splitlines())]
    process.kill()
    process.wait()
    faults = [f"{len(truth - set(found))} blocks missed"] if truth - set(found) else []
    faults += [f"{len(set(found) - truth)} blocks too many"] if set(found) - truth else []
    faults += ["a block is listed twice"] if len(found) != len(set(found)) else []
    faults += re.findall(r"(?:the check of|damaged at) .*", errors)
    return faults, len(truth)


def compare_trim(words, tunables, shape):
    """What is wrong with the forecast of malloc_trim(0), and the bytes that it returned."""
    process, _ = start([*words, shape], tunables)
    heap = json.loads(inspect("heap", process.pid)[0])
    process.send_signal(signal.SIGUSR1)
    truth = dict(line.split() for line in process.communicate(timeout=60)[0].splitlines())
    returned = int(truth["returned"])
    faults = [f"{check['name']}: {check['detail']}" for check in heap["checks"] if not check["ok"]]
    if heap["residue_bytes"]:
        faults.append(f"{heap['residue_bytes']} bytes of resident memory are not accounted for")
    if heap["trimmable_bytes"] != returned:
        faults.append(f"{heap['trimmable_bytes']} bytes foretold, {returned} returned")
    return faults, returned, heap["allocator"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suites", default="bullseye,bookworm,trixie,sid")
    parser.add_argument("--seeds", default="1,2")
    options = parser.parse_args()
    wrong = 0

    def say(suite, what, faults, figure):
        nonlocal wrong
        wrong += bool(faults)
        print(f"{suite:<10} {what:<60} {figure:>12}  {'; '.join(faults) or 'equal'}", flush=True)

    for suite in options.suites.split(","):
        folder = tree(suite)
        planted, trimmed = build(folder, "planted_blocks"), build(folder, "trimmed_heap")
        for tunables in TUNABLES:
            for seed in options.seeds.split(","):
                for threads, steps in ((0, 30000), (4, 20000), (20, 4000)):
                    faults, count = compare_blocks(planted, tunables, [threads, steps, seed])
                    say(suite, f"blocks of {threads} threads, seed {seed}, {tunables or 'no tunables'}", faults, count)
        for tunables in ("", "glibc.malloc.hugetlb=1", "glibc.malloc.tcache_count=0"):
            for shape in SHAPES:
                faults, returned, allocator = compare_trim(trimmed, tunables, shape)
                say(suite, f"{allocator}, trim of {shape}, {tunables or 'no tunables'}", faults, returned)
    print("all equal" if not wrong else f"{wrong} comparisons failed")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
