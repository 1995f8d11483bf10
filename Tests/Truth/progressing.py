"""Programs that say how they get on (Workloads/bench/progress.h), and redis, which is made to (Workloads/bench/reads.c)."""

import os
import re
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

root = Path(__file__).resolve().parent.parent.parent
workloads = Path(os.environ.get("HEAPTAP_WORKLOADS", root / ".build/workloads")) / "bench"
SCRIPTS = root / "Tests/Workloads/bench"


@dataclass
class Progress:
    """One line of a thread: what it says of the last second of its CPU time."""

    time: float  # when it came, seconds, monotonic
    label: str
    turns: float  # per second of CPU time
    lost: float  # share of CPU time, 0 … 1
    longest: float  # bin, milliseconds
    leaked: int  # bytes so far


class Program:
    """A running program and its lines; ends with the `with` block."""

    def __init__(self, name, *arguments, niceness=0, environment=None, command=None):
        self.name = name
        script = SCRIPTS / f"{name}.py"
        command = command or ([sys.executable, script] if script.exists() else [workloads / name])
        self.lines = []
        self.marks = {}  # other lines, such as `idle` and `used 12`, by their first word: (time, rest), the last
        self.history = []  # all of those: (time, word, rest)
        self.process = subprocess.Popen(
            [str(word) for word in (*command, *arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, env=os.environ | (environment or {}), preexec_fn=(lambda: os.nice(niceness)) if niceness else None)
        self.pid = self.process.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.wait()
        self._reader.join(10)

    def _read(self):
        for line in self.process.stdout:
            words = line.split()
            now = time.monotonic()
            if len(words) == 5 and re.fullmatch(r"[\d.]+", words[1]):
                self.lines.append(Progress(now, words[0], *map(float, words[1:4]), int(words[4])))
            elif words:
                self.marks[words[0]] = (now, words[1:])
                self.history.append((now, words[0], words[1:]))

    def wait_for_progress(self, count=1, limit=120):
        """Until it knows how long its turns take and has said so often how it gets on."""
        deadline = time.monotonic() + limit
        wanted = len(self.lines) + count
        while len(self.lines) < wanted:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{self.name} said nothing for {limit} s; status {self.process.poll()}")
            time.sleep(0.05)

    def wait_for_mark(self, word, limit=120):
        deadline = time.monotonic() + limit
        while word not in self.marks:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{self.name} did not say {word} in {limit} s")
            time.sleep(0.02)
        return self.marks[word][0]

    def counted(self, moment):
        """Bytes that it held at a time by its own account, but for a constant; waits until it has said so."""
        while True:
            points = [(time, int(rest[0])) for time, word, rest in self.history if word == "used"]
            points = points or [(line.time, line.leaked) for line in self.lines if line.leaked]
            if points and points[-1][0] >= moment:
                return interpolate(points, moment)
            time.sleep(0.1)

    def between(self, start, end):
        """Lines about time after `start`: the first of a thread began before it."""
        seen, result = set(), []
        for line in list(self.lines):
            if start < line.time <= end:
                if line.label in seen:
                    result.append(line)
                seen.add(line.label)
        return result


def interpolate(points, moment):
    """The value at a time of what is known at some."""
    for (time0, value0), (time1, value1) in zip(points, points[1:]):
        if time0 <= moment <= time1:
            return value0 + (value1 - value0) * (moment - time0) / max(1e-9, time1 - time0)
    return points[0][1]


class Redis(Program):
    """redis-server under redis-benchmark, all in one thread; asked for the memory that it uses."""

    def __init__(self, commands="set,lpush,lpop,hset", environment=None, port=16379):
        environment = dict(environment or {})
        preloaded = [environment.get("LD_PRELOAD"), str(workloads / "reads.so")]
        environment["LD_PRELOAD"] = ":".join(filter(None, preloaded))
        self.points = []
        super().__init__("redis", environment=environment, command=[
            "redis-server", "--port", port, "--save", "", "--appendonly", "no", "--dir", "/tmp"])
        self.questions = self._connect(port)
        self.load = subprocess.Popen(
            ["redis-benchmark", "-p", str(port), "-t", commands, "-r", "100000", "-d", "100", "-P", "4",
             "-n", "2000000", "-l", "-q"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _connect(self, port):
        for _ in range(300):
            try:
                return socket.create_connection(("127.0.0.1", port))
            except ConnectionRefusedError:
                time.sleep(0.1)
        status = self.process.poll()
        self.process.kill()
        raise SystemExit(f"redis does not listen on port {port}; status {status}")

    def __exit__(self, *exception):
        self.load.kill()
        self.load.wait()
        super().__exit__(*exception)

    def ask(self, sections):
        """What INFO says in these sections."""
        self.questions.sendall(f"INFO {sections}\r\n".encode())
        text = b""
        while not (head := re.match(rb"\$(\d+)\r\n", text)) or len(text) < head.end() + int(head[1]) + 2:
            text += self.questions.recv(65536)
        return dict(line.split(":", 1) for line in text.decode().split() if ":" in line)

    def follow(self):
        """Asks it for `used_memory` four times a second from now on."""
        def ask():
            while self.process.poll() is None:
                answer = self.ask("memory")
                self.points.append((time.monotonic(), int(answer["used_memory"])))
                time.sleep(0.25)
        threading.Thread(target=ask, daemon=True).start()

    def counted(self, moment):
        while not self.points or self.points[-1][0] < moment:
            time.sleep(0.1)
        return interpolate(self.points, moment)
