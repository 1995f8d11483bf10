"""heaptap as it watches: its lines while they come, and what it takes itself."""

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

root = Path(__file__).resolve().parent.parent.parent
heaptap = os.environ.get("HEAPTAP_BINARY", str(root / ".build/debug/heaptap"))
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Watch:
    """`heaptap watch --json` with some options, from its start to its end.

    Times are seconds since the start. Of a site that was `growing` the first time is kept, and the
    site as it was then; of everything else the last report only.
    """

    def __init__(self, *options, interval=2, top=100000):
        self.began = time.monotonic()
        self.first_report = None
        self.last = None
        self.on_report = None  # called with each report, by the thread that reads them
        self.reports = 0
        self.growing = {}  # (pid, site id) → (seconds, site)
        self.seen = {}  # pid → its row among the targets, as it was last
        self.complaints = b""
        mode = [] if "--budget" in options else os.environ.get("HEAPTAP_MODE", "--exact").split()
        self.process = subprocess.Popen(
            [heaptap, "watch", *map(str, options), *mode, "--json", "--interval", str(interval), "--top", str(top)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.readers = [threading.Thread(target=read, daemon=True)
                        for read in (self._read_reports, self._read_complaints)]
        for reader in self.readers:
            reader.start()

    def _read_reports(self):
        for line in self.process.stdout:
            seconds = time.monotonic() - self.began
            report = json.loads(line)
            if self.first_report is None:
                self.first_report = seconds
            self.reports += 1
            for target in report["targets"]:
                self.seen[target["pid"]] = target
            for site in report["sites"]:
                if site["verdict"] == "growing":
                    self.growing.setdefault((site["pid"], site["id"]), (seconds, site))
            self.last = report
            if self.on_report:
                self.on_report(report)

    def _read_complaints(self):
        self.complaints = self.process.stderr.read()

    def wait_for_report(self, limit=60):
        """Waits for the first report; an explanation and the end of this program if there is none."""
        deadline = time.monotonic() + limit
        while self.first_report is None:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise SystemExit(f"heaptap wrote no report in {limit} s; status {self.process.returncode}: "
                                 f"{self.complaints.decode(errors='replace').strip()}")
            time.sleep(0.02)

    def stop(self):
        """Interrupts it and returns its exit status; nothing is left of it then."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for reader in self.readers:
            reader.join(10)
        return self.process.returncode

    @property
    def usage(self):
        return Usage(self.process.pid)

    @property
    def lost(self):
        return self.last["lost"] if self.last else {"total": 0, "by_reason": {}}


class Usage:
    """What a process takes now: CPU seconds so far, memory in bytes, and descriptors."""

    def __init__(self, pid):
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        self.cpu_seconds = (int(stat[11]) + int(stat[12])) / TICKS_PER_SECOND
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        self.resident_bytes = int(status["VmRSS"].split()[0]) << 10
        self.anonymous_bytes = int(status["RssAnon"].split()[0]) << 10
        self.threads = int(status["Threads"])
        descriptors = Path(f"/proc/{pid}/fd")
        self.descriptors = len(list(descriptors.iterdir()))
        self.map_bytes = sum(map_bytes(f"/proc/{pid}/fdinfo/{number.name}") for number in descriptors.iterdir())


def map_bytes(path):
    """The kernel memory of the BPF map behind a descriptor (`memlock` of fdinfo); 0 for others."""
    try:
        fields = dict(line.split(":", 1) for line in Path(path).read_text().splitlines() if ":" in line)
    except OSError:
        return 0
    return int(fields["memlock"]) if "map_id" in fields and "memlock" in fields else 0


def functions(site, count=12):
    return [frame["function"] for frame in site["stack"][:count]]


def describe(site):
    """The first frames of a site, for people."""
    names = [frame["function"] or f"{frame['module']}+{frame['offset']}" for frame in site["stack"][:6]]
    return " < ".join(names) or "no frames"


def mebibytes(count):
    return f"{count / (1 << 20):.1f} MiB"
