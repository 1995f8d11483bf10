#!/usr/bin/env python3
"""Runs kernel tests on the kernels of other Debian releases, in virtual machines.

Usage: run.py [--kernel PATTERN]... [--filter REGEX | --shell COMMAND] [--append WORDS]
              [--minutes N]

HEAPTAP_BINARY, HEAPTAP_WORKLOADS and HEAPTAP_TESTS (the test bundle) say what is tested; they and the
libraries they are linked with are the root file system of each machine, at the same paths as here.
A PATTERN is a regular expression for the name of a Debian package; the newest that matches is booted.
The packages are unpacked below .build/kernels and never installed; nothing here needs root.
Where the processor offers no virtualisation, qemu emulates it: one core is some 15 times slower then.
Each machine's console and output stay in .build/kernels.
A kernel that complains (BUG, WARNING) fails, whatever its tests say.
Exit status: 0 all tests passed on all kernels; 1 one failed, a kernel complained or a machine hung;
2 nothing could be run.
"""

import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

here = Path(__file__).resolve().parent
root = here.parent.parent
cache = root / ".build/kernels"

# What the oldest supported kernel and the one before the present kind of probe have: perf uprobes
# only, and multi uprobes without sessions. Both kernels have NVMe and ext4 built in, so the machines
# need no modules and no initial file system.
KERNELS = [r"linux-image-6\.1\.0-\d+-cloud-amd64(-unsigned)?",
           r"linux-image-6\.12\.\d+\+deb12-cloud-amd64(-unsigned)?"]
# Each part is a machine of its own, since what takes long is waiting: the kernel's for running programs
# when a probe is closed, once for each where there are perf uprobes only.
PARTS = [["Counting", "Errors", "Killing", "Mappings", "ProcessLife"],
         ["Stacks", "Threads", "Unwinding", "Watching"]]
# Says nothing about kernels: one takes as long as a suite, the other wants even rates within two seconds.
SKIPPED = "code that is no executable|a leak is told from a steady path"
# What the tests and the workloads call.
PROGRAMS = ["bash", "dash", "env", "true", "head", "sleep", "setpriv", "bpftool", "busybox"]
# Opened at run time, so that no executable names them.
LIBRARIES = ["libgcc_s.so.1"]
MACHINE_MEMORY_MIB = 1536
IMAGE_MIB = 1536
TAIL_LINES = 40
# What a damaged kernel prints. Being stuck is no reason: a busy host lets its machines wait, and stuck tests fail.
COMPLAINTS = (r"kernel BUG at|\bBUG: |\bOops\b|WARNING: CPU|WARNING: at|Kernel panic|general protection fault"
              r"|unable to handle|Out of memory")


# ---- Kernels ----


def version_key(package):
    """Numbers in a package's name count as numbers; a signed kernel comes after the same unsigned one."""
    numbers = [int(number) for number in re.findall(r"\d+", package)]
    return numbers, "unsigned" not in package


def newest_package(pattern):
    """The newest package that a pattern matches, among those that apt knows and those unpacked before."""
    listed = subprocess.run(["apt-cache", "pkgnames", "linux-image-"], capture_output=True, text=True)
    unpacked = [folder.name for folder in cache.glob("*") if (folder / "vmlinuz").exists()]
    names = [name for name in listed.stdout.split() if re.fullmatch(pattern, name)]
    for name in sorted(names, key=version_key, reverse=True):
        if name in unpacked or candidate(name):
            return name
    matching = [name for name in unpacked if re.fullmatch(pattern, name)]
    if not matching:
        sys.exit(f"run.py: cannot find a package {pattern}: apt lists none; run `apt-get update`")
    return max(matching, key=version_key)


def candidate(package):
    shown = subprocess.run(["apt-cache", "policy", package], capture_output=True, text=True)
    return re.search(r"Candidate: \d", shown.stdout) is not None


def kernel_image(package):
    """The kernel of a package, downloaded and unpacked once."""
    folder = cache / package
    image = folder / "vmlinuz"
    if not image.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            subprocess.run(["apt-get", "download", "-qq", package], cwd=scratch, check=True,
                           stderr=subprocess.DEVNULL if os.geteuid() == 0 else None)
            (archive,) = Path(scratch).glob("*.deb")
            subprocess.run(["dpkg-deb", "-x", archive, f"{scratch}/files"], check=True)
            (found,) = Path(f"{scratch}/files/boot").glob("vmlinuz-*")
            found.rename(image)
    return image


# ---- The root file system ----


def linked_files(files):
    """The libraries that some executables load when they start, and the loader."""
    found = set()
    for file in files:
        listed = subprocess.run(["ldd", file], capture_output=True, text=True)
        found |= {Path(path) for path in re.findall(r"(/[^ \n]+) \(0x", listed.stdout)}
    return found


def debug_file(library):
    """Where Debian's separate symbols of a library are, if they are installed."""
    notes = subprocess.run(["readelf", "-n", library], capture_output=True, text=True).stdout
    build_id = re.search(r"Build ID: (..)(\w+)", notes)
    path = build_id and Path(f"/usr/lib/debug/.build-id/{build_id[1]}/{build_id[2]}.debug")
    return path if path and path.exists() else None


def make_image(image, command, heaptap, workloads, tests):
    """An ext4 file system with all that a machine needs; its first process runs `command` in bash."""
    programs = [Path(shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin") or name) for name in PROGRAMS]
    programs += [heaptap, tests, *(file for file in workloads.iterdir() if file.is_file())]
    preloaded = [line.split()[-1] for line in subprocess.run(
        ["ldconfig", "-p"], capture_output=True, text=True).stdout.splitlines()
        if line.split()[:1] and line.split()[0] in LIBRARIES and "x86-64" in line]
    libraries = linked_files(programs) | {Path(path) for path in preloaded}
    symbols = {file for file in map(debug_file, libraries) if file}
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        tree = Path(scratch)
        # As on Debian: what is in /bin, /lib and /sbin is the same as below /usr.
        for name in ["bin", "lib", "lib64", "sbin"]:
            (tree / "usr" / name).mkdir(parents=True)
            (tree / name).symlink_to(f"usr/{name}")
        for name in ["proc", "sys", "dev", "tmp", "run", "var/tmp", "etc", "root"]:
            (tree / name).mkdir(parents=True)
        for file in {*programs, *libraries, *symbols}:
            place = tree / file.relative_to("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, place)
        (tree / "bin/sh").symlink_to("dash")
        (tree / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
        (tree / "etc/group").write_text("root:x:0:\n")
        (tree / "test-command").write_text(command)
        shutil.copy2(here / "init.sh", tree / "init")
        (tree / "init").chmod(0o755)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-E", "root_owner=0:0", "-d", tree,
                        image, f"{IMAGE_MIB}M"], check=True, stdout=subprocess.DEVNULL)
    return image


# ---- Machines ----


def accelerator():
    """Hardware virtualisation where the processor has it: /dev/kvm alone doesn't say that it works."""
    flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    if flags and {"vmx", "svm"} & set(flags[1].split()) and os.access("/dev/kvm", os.W_OK):
        return ["-accel", "kvm", "-cpu", "host"]
    # One thread for both processors of a machine: with one for each, qemu 7.2 now and then runs code as it was before a
    # kernel patched it, here an int3 in __schedule, once in some 40 runs of a suite ("Oops: int3"). It takes no longer.
    return ["-accel", "tcg,thread=single", "-cpu", "max"]


def boot(kernel, image, log, options):
    """Runs a machine until it switches itself off; what its tests print goes to a file."""
    console, output = log.with_suffix(".console"), log.with_suffix(".output")
    for file in [console, output]:
        file.unlink(missing_ok=True)
    began = time.monotonic()
    command = ["qemu-system-x86_64", *accelerator(), "-m", str(MACHINE_MEMORY_MIB), "-smp", "2",
               "-nodefaults", "-no-reboot", "-display", "none", "-kernel", kernel,
               # Waiting for running programs takes less; nothing else changes.
               "-append", "console=ttyS0 root=/dev/nvme0n1 rw init=/init panic=-1 rcupdate.rcu_expedited=1"
               f" {options.append}",
               "-drive", f"file={image},format=raw,if=none,id=root,snapshot=on",
               "-device", "nvme,serial=root,drive=root",
               "-serial", f"file:{console}", "-serial", f"file:{output}"]
    try:
        subprocess.run([str(word) for word in command], timeout=options.minutes * 60, check=True,
                       stdin=subprocess.DEVNULL)
        ending = None
    except subprocess.TimeoutExpired:
        ending = f"stopped after {options.minutes:.0f} minutes"
    except subprocess.CalledProcessError as error:
        ending = f"qemu ended with status {error.returncode}"
    text = output.read_text(errors="replace") if output.exists() else ""
    return Outcome(text, console, ending, (time.monotonic() - began) / 60)


class Outcome:
    """What a machine's tests printed, read as Swift Testing writes it."""

    def __init__(self, text, console, ending, minutes):
        self.console, self.ending, self.minutes = console, ending, minutes
        self.printed = console.read_text(errors="replace").splitlines() if console.exists() else []
        self.complaints = [line for line in self.printed if re.search(COMPLAINTS, line)]
        self.text = re.sub(r"\x1b\[[0-9;]*m", "", text).replace("\r", "")
        status = re.search(r"^test-status (\d+)$", self.text, re.MULTILINE)
        self.status = int(status[1]) if status else None
        self.passed, self.failed = Counter(), Counter()
        suite = "?"
        for line in self.text.splitlines():
            if begun := re.match(r"\S+ Suite (\S+) started", line):
                suite = begun[1].strip('"')
            elif test := re.match(r"\S+ Test (?!run |case ).* (passed|failed) after [0-9.]+ seconds", line):
                (self.passed if test[1] == "passed" else self.failed)[suite] += 1

    @property
    def succeeded(self):
        return (self.status == 0 and not self.ending and not self.failed and bool(self.passed)
                and not self.complaints)

    def explain(self, name):
        """What went wrong, for people."""
        if self.complaints:
            print(f"{name}: its kernel complains; all of it is in {self.console}:")
            print_indented(self.complaints[:TAIL_LINES])
        if self.ending or self.status is None:
            print(f"{name}: {self.ending or 'ended before its tests did'}; the end of its tests:")
            print_indented(self.text.splitlines()[-TAIL_LINES // 2:])
            print("the end of its console:")
            print_indented(self.printed[-TAIL_LINES:])
        failures = [line for line in self.text.splitlines()
                    if re.match(r"\S+ Test .* (recorded an issue|failed after)", line)]
        if failures:
            print(f"{name}:")
            print_indented(failures)


def print_indented(lines):
    print("\n".join(f"  {line}" for line in lines))


def print_table(outcomes):
    """Kernel × suite, from all outcomes of each kernel."""
    passed = {name: sum((part.passed for part in parts), Counter()) for name, parts in outcomes.items()}
    failed = {name: sum((part.failed for part in parts), Counter()) for name, parts in outcomes.items()}
    suites = sorted({suite for counts in [*passed.values(), *failed.values()] for suite in counts})
    rows = [["", *outcomes]]
    for suite in suites:
        rows.append([suite, *(tally(passed[name][suite], failed[name][suite]) for name in outcomes)])
    rows.append(["all", *(tally(passed[name].total(), failed[name].total()) for name in outcomes)])
    rows.append(["minutes", *(f"{max(part.minutes for part in parts):.1f}" for parts in outcomes.values())])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  " + "  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip())


def write_counts(outcomes):
    """What .ci/run prints at its end."""
    results = root / ".build/test-results"
    results.mkdir(parents=True, exist_ok=True)
    with open(results / "kernels.count", "w") as file:
        for name, parts in outcomes.items():
            passed = sum(part.passed.total() for part in parts)
            failed = sum(part.failed.total() for part in parts)
            notes = ["a machine ended early"] if any(part.status is None for part in parts) else []
            notes += ["its kernel complained"] if any(part.complaints for part in parts) else []
            file.write("; ".join([f"  {name}: {passed + failed} run: {passed} passed, {failed} failed", *notes]) + "\n")


def tally(passed, failed):
    return f"{passed} passed" + (f", {failed} FAILED" if failed else "")


# ---- The whole ----


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernel", action="append", metavar="PATTERN")
    parser.add_argument("--filter", help="the tests to run, instead of the suites that depend on kernels")
    parser.add_argument("--shell", metavar="COMMAND", help="run this in bash instead of tests")
    parser.add_argument("--append", default="", metavar="WORDS", help="for the kernel's command line")
    parser.add_argument("--minutes", type=float, default=20, help="after which a machine is stopped")
    options = parser.parse_args()

    heaptap = Path(os.environ.get("HEAPTAP_BINARY", root / ".build/release/heaptap")).absolute()
    workloads = Path(os.environ.get("HEAPTAP_WORKLOADS", root / ".build/workloads")).absolute()
    tests = Path(os.environ.get("HEAPTAP_TESTS", root / ".build/debug/heaptapPackageTests.xctest")).absolute()
    for needed in [heaptap, workloads, tests]:
        if not needed.exists():
            sys.exit(f"run.py: {needed} is not built; run `make test-kernels`")
    if not shutil.which("qemu-system-x86_64"):
        print("run.py: cannot boot other kernels without qemu-system-x86_64; run `make setup-test`",
              file=sys.stderr)
        return 2

    cache.mkdir(parents=True, exist_ok=True)
    packages = [newest_package(pattern) for pattern in options.kernel or KERNELS]
    kernels = {package.removeprefix("linux-image-").removesuffix("-unsigned"): kernel_image(package)
               for package in packages}
    if options.shell:
        commands = [options.shell]
    else:
        filters = [options.filter] if options.filter else [
            rf"^KernelTests\.KernelTests/({'|'.join(suites)})/" for suites in PARTS]
        commands = [f"export HEAPTAP_BINARY={heaptap} HEAPTAP_WORKLOADS={workloads}\n"
                    f"exec {tests} --testing-library swift-testing --no-parallel"
                    f" --filter '{filter}' --skip '{SKIPPED}'\n" for filter in filters]
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        images = [make_image(Path(scratch) / f"{index}.img", command, heaptap, workloads, tests)
                  for index, command in enumerate(commands)]
        # Each keeps a processor busy: more at once take as long altogether, and programs in them longer than tests wait.
        with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            machines = {name: [pool.submit(boot, kernel, image, cache / f"{name.replace('.', '_')}-{image.stem}",
                                           options) for image in images]
                        for name, kernel in kernels.items()}
            outcomes = {name: [machine.result() for machine in parts] for name, parts in machines.items()}

    everything = [part for parts in outcomes.values() for part in parts]
    if options.shell:
        for name, parts in outcomes.items():
            print(f"--- {name}\n{parts[0].text}")
        return 0 if all(part.status == 0 for part in everything) else 1
    print_table(outcomes)
    for name, parts in outcomes.items():
        for part in parts:
            if not part.succeeded:
                part.explain(name)
    if not options.filter:
        write_counts(outcomes)
    return 0 if all(part.succeeded for part in everything) else 1


if __name__ == "__main__":
    sys.exit(main())
