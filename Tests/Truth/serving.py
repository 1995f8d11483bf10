#!/usr/bin/env python3
"""Leaves the daemon running beside a load, asks Prometheus which process grew, then kills the daemon again and again.

Usage: serving.py [--minutes 30] [--processes 100] [--kills 20]    (as root; HEAPTAP_BINARY as in Tests/README.md)

Exit status: 0 Prometheus has scraped all the time and names the leaking processes, promtool has no complaint,
the history opens after each kill with the samples of all but the last interval; 1 otherwise.
"""

import argparse
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

from machine import populate
from subjects import QUIET, Machine
from watching import Usage, heaptap, mebibytes

INTERVAL = 2
# A leak of the subjects is some KiB/s, four at least; what programs do to start with is over by then. Resident memory comes in
# pages: over a few minutes only, one of them now and then looks like growth.
GROWTH = "sort_desc(deriv(heaptap_process_resident_anonymous_bytes[{minutes}m]))"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Daemon:
    """`heaptap serve` with all its files in one folder."""

    def __init__(self, folder):
        self.port = free_port()
        self.history = folder / "history.sqlite"
        self.configuration = folder / "serve.yaml"
        self.configuration.write_text(
            f"interval: {INTERVAL}s\n"
            f"summary:\n  interval: 5min\n  directory: {folder}/summaries\n"
            f"history:\n  path: {self.history}\n"
            f"http:\n  listen: \"127.0.0.1:{self.port}\"\n")
        self.process = None

    def start(self):
        self.process = subprocess.Popen([heaptap, "serve", "--config", str(self.configuration)],
                                        stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            try:
                self.metrics()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"heaptap serve does not answer; status {self.process.poll()}")
                time.sleep(0.1)

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            return answer.read()

    def end(self, number):
        self.process.send_signal(number)
        self.process.wait(60)
        return self.process.returncode


class Prometheus:
    """Debian's, scraping one daemon."""

    def __init__(self, folder, daemon):
        self.port = free_port()
        configuration = folder / "prometheus.yaml"
        configuration.write_text(
            "global: {scrape_interval: 5s}\n"
            "scrape_configs:\n"
            f"  - {{job_name: heaptap, static_configs: [{{targets: ['127.0.0.1:{daemon.port}']}}]}}\n")
        self.process = subprocess.Popen(
            ["/usr/bin/prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={folder}/series",
             f"--web.listen-address=127.0.0.1:{self.port}"], stdin=subprocess.DEVNULL, **QUIET)

    def ask(self, query):
        address = f"http://127.0.0.1:{self.port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(address, timeout=30) as answer:
            return json.load(answer)["data"]["result"]

    def end(self):
        self.process.terminate()
        self.process.wait(60)


def check_prometheus(prometheus, machine, minutes):
    """Whether what grew is what leaks."""
    problems = []
    leaking = {pid: subject for subject in machine.subjects if subject.leak for pid in subject.pids}
    harmless = {pid: subject for subject in machine.subjects if not subject.leak for pid in subject.pids}
    growth = {int(row["metric"]["pid"]): float(row["value"][1])
              for row in prometheus.ask(GROWTH.format(minutes=max(1, minutes // 2)))}
    for subject in {subject.name: subject for subject in leaking.values()}.values():
        fastest = max((growth.get(pid, 0) for pid in subject.pids), default=0)
        print(f"{subject.name:28} grows by {fastest / 1024:8.2f} KiB/s")
        if fastest < 1024:
            problems.append(f"Prometheus does not see {subject.name} grow: {fastest:.0f} B/s")
    for pid, subject in harmless.items():
        if growth.get(pid, 0) > 256:
            problems.append(f"Prometheus sees {subject.name} ({pid}) grow by {growth[pid]:.0f} B/s")
    up = prometheus.ask(f"avg_over_time(up[{minutes}m])")
    share = float(up[0]["value"][1]) if up else 0
    print(f"{100 * share:.1f} % of the scrapes were answered; {len(growth)} processes have a growth")
    if share < 0.99:
        problems.append(f"only {100 * share:.1f} % of the scrapes were answered")
    return problems


def check_kills(daemon, count):
    """Kills the daemon at odd moments; what it wrote is there but for the last interval."""
    problems, missing = [], []
    for number in range(count):
        time.sleep(3 * INTERVAL + number * INTERVAL / count)
        killed = time.time()
        daemon.end(signal.SIGKILL)
        with sqlite3.connect(daemon.history) as history:
            verdict = history.execute("PRAGMA integrity_check").fetchone()[0]
            last = history.execute("SELECT max(time) FROM process_sample").fetchone()[0]
        history.close()
        missing.append(killed - last / 1000)
        if verdict != "ok":
            problems.append(f"kill {number}: the history is damaged: {verdict}")
        # One interval that was being written, and the reading it began with.
        if missing[-1] > 2 * INTERVAL:
            problems.append(f"kill {number}: the last sample is {missing[-1]:.1f} s old")
        daemon.start()
    print(f"{count} kills: the last sample was {max(missing):.1f} s old at most, an interval is {INTERVAL} s")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--processes", type=int, default=100)
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args()
    problems = []
    with Machine() as machine, tempfile.TemporaryDirectory(prefix="serving-") as scratch:
        populate(machine, options.processes)
        folder = Path(scratch)
        daemon = Daemon(folder)
        daemon.start()
        prometheus = Prometheus(folder, daemon)
        try:
            early = Usage(daemon.process.pid)
            time.sleep(options.minutes * 60)
            late = Usage(daemon.process.pid)
            check = subprocess.run(["promtool", "check", "metrics"], input=daemon.metrics(), capture_output=True,
                                   check=False)
            if check.returncode or check.stderr:
                problems.append(f"promtool complains: {check.stderr.decode().splitlines()[:3]}")
            problems += check_prometheus(prometheus, machine, options.minutes)
            cpu = (late.cpu_seconds - early.cpu_seconds) / (options.minutes * 60)
            print(f"heaptap serve: {100 * cpu:.1f} % of a core, RSS {mebibytes(early.resident_bytes)} at first and "
                  f"{mebibytes(late.resident_bytes)} in the end, of it anonymous {mebibytes(late.anonymous_bytes)}, "
                  f"{early.descriptors} and {late.descriptors} descriptors")
            problems += check_kills(daemon, options.kills)
            summaries = sorted((folder / "summaries").glob("*"))
            print(f"{len(summaries)} files of summaries; the history has "
                  f"{mebibytes(daemon.history.stat().st_size)}")
            if status := daemon.end(signal.SIGTERM):
                problems.append(f"heaptap serve ended with status {status}")
            problems += [f"{subject.name} does not answer any more" for subject in machine.subjects
                         if not subject.answers()]
        finally:
            prometheus.end()
            if daemon.process.poll() is None:
                daemon.end(signal.SIGKILL)
    for problem in problems:
        print(f"WRONG: {problem}")
    print(f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
