"""Programs of many kinds that run side by side: some leak where it is known, most don't.

Each answers a question at any time, so that it can be asked in the end whether it still works.
"""

import contextlib
import functools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

here = Path(__file__).resolve().parent
programs = here / "programs"
# The trees of other Debian releases, which take a minute to make.
trees = here.parent.parent / ".build/trees"

ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
LIBRARIES = Path("/usr/lib/x86_64-linux-gnu")
MUSL_LOADER = Path("/lib/ld-musl-x86_64.so.1")


@dataclass
class Subject:
    """A process, or a service of several, and what is to be expected of it."""

    name: str
    pids: list
    answers: Callable[[], bool]
    # Parts of the names of functions, of which one is among the first frames of its leak.
    # A module's name counts for frames without a name. None: it does not leak.
    leak: Optional[tuple] = None
    # Why heaptap can't see its allocations; None: it can.
    unseen: Optional[str] = None

    def owns(self, site):
        return site["pid"] in self.pids

    def explains(self, site, depth=8):
        """Whether a site is the planted leak."""
        for frame in site["stack"][:depth]:
            name = frame["function"] or frame["module"] or ""
            if self.leak and any(word in name for word in self.leak):
                return True
        return False


class Machine:
    """Starts subjects in a scratch folder and ends them all. `with Machine() as machine: …`"""

    def __init__(self):
        self.subjects = []
        self._cleanup = contextlib.ExitStack()

    def __enter__(self):
        scratch = self._cleanup.enter_context(tempfile.TemporaryDirectory(prefix="subjects-"))
        self.scratch = Path(scratch)
        self.scratch.chmod(0o755)
        self._ending = threading.Event()
        self._cleanup.callback(self._ending.set)
        return self

    def __exit__(self, *exception):
        self._cleanup.close()

    # ---- Pieces ----

    def start(self, *command, environment=None, **options):
        defaults = {"stdin": subprocess.DEVNULL, "env": ENVIRONMENT | (environment or {}), "cwd": self.scratch}
        process = subprocess.Popen([str(word) for word in command], bufsize=0, **(defaults | options))

        def end():
            process.kill()
            process.wait()

        self._cleanup.callback(end)
        return process

    def repeat(self, period, action):
        """Does something again and again, from a thread of its own, until the machine ends or it fails."""
        def run():
            while not self._ending.wait(period):
                try:
                    action()
                except OSError:
                    return

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self._cleanup.callback(functools.partial(thread.join, 5))
        self._cleanup.callback(self._ending.set)

    def built(self, name, *command):
        """The path of a program that a command makes, once: its last argument is to be the path."""
        path = self.scratch / name
        if not path.exists():
            subprocess.run([str(word) for word in [*command, path]], check=True)
        return path

    def c_program(self):
        return self.built("leaky", "gcc", "-O1", "-g", "-fno-builtin", "-Wall", programs / "leaky.c", "-o")

    def add(self, subject):
        self.subjects.append(subject)
        return subject

    def add_talking(self, name, *command, leak=None, milliseconds=50, pid=None, **options):
        """A program of `programs` that answers every line that it is sent with "ok"."""
        mode = "leak" if leak else "steady"
        words = [{"MODE": mode, "MS": milliseconds}.get(word, word) for word in command]
        process = self.start(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             **options)

        def answers():
            try:
                process.stdin.write(b"?\n")
                return process.stdout.readline() == b"ok\n"
            except OSError:
                return False

        if not answers():
            raise SystemExit(f"cannot start {name}: status {process.poll()} of {words}")
        return self.add(Subject(name, [pid(process.pid) if pid else process.pid], answers, leak))

    # ---- Kinds ----

    def c(self, leak=False, milliseconds=50):
        self.add_talking(kind("C", leak), self.c_program(), "MODE", "MS", milliseconds=milliseconds,
                         leak=leak and ("remember_request",))

    def preloaded(self, library, leak=False):
        """The C program with another allocator."""
        path = next(LIBRARIES.glob(f"lib{library}.so.*"), None)
        if not path:
            raise SystemExit(f"cannot find lib{library}.so; run `make setup-test`")
        self.add_talking(kind(library, leak), self.c_program(), "MODE", "MS", environment={"LD_PRELOAD": str(path)},
                         leak=leak and ("remember_request",))

    def cpp(self):
        path = self.built("churning", "g++", "-O1", "-g", programs / "churning.cpp", "-o")
        self.add_talking("C++ map", path, "MS")

    def python(self, leak=False):
        self.add_talking(kind("python3", leak), "/usr/bin/python3", "-S", "-B", programs / "leaky.py", "MODE", "MS",
                         leak=leak and ("PyBytes_", "_PyBytes_", "PyObject_Malloc", "PyObject_Calloc", "_PyObject_",
                                        "_PyMem_", "python3"))

    def perl(self, leak=False):
        self.add_talking(kind("perl", leak), "/usr/bin/perl", programs / "leaky.pl", "MODE", "MS",
                         leak=leak and ("Perl_", "perl"))

    def swift(self, leak=False):
        compiler = shutil.which("swiftc") or "/opt/swift/usr/bin/swiftc"
        path = self.built("leaky-swift", compiler, "-O", "-g", programs / "leaky.swift", "-o")
        self.add_talking(kind("Swift", leak), path, "MODE", "MS", leak=leak and ("rememberRequest", "leaky_swift."))

    def musl(self, leak=False):
        """In a mount namespace of its own, where alone its file and its loader are."""
        path = self.built("leaky-musl", "musl-gcc", "-O1", "-g", "-fno-builtin", programs / "leaky.c",
                          "-Wl,--dynamic-linker=/mnt/loader", "-o")
        script = (f"mount -t tmpfs tmpfs /mnt && cp {path} /mnt/leaky && cp -L {MUSL_LOADER} /mnt/loader"
                  " && exec /mnt/leaky \"$@\"")
        self.add_talking(kind("musl", leak), "unshare", "--mount", "sh", "-c", script, "sh", "MODE", "MS",
                         leak=leak and ("remember_request",))

    def other_libc(self, leak=False, suite="trixie"):
        """In the tree of another Debian release, with its libc."""
        tree = debian_tree(suite)
        replace(self.c_program(), tree / "leaky")
        self.add_talking(kind(f"{suite}'s libc", leak), "chroot", tree, "/leaky", "MODE", "MS",
                         leak=leak and ("remember_request",))

    def other_perl(self, leak=False, suite="trixie"):
        tree = debian_tree(suite)
        replace(programs / "leaky.pl", tree / "leaky.pl")
        self.add_talking(kind(f"{suite}'s perl", leak), "chroot", tree, "/usr/bin/perl", "/leaky.pl", "MODE", "MS",
                         leak=leak and ("Perl_", "perl"))

    def pid_namespace(self, leak=False):
        self.add_talking(kind("PID namespace", leak), "unshare", "--pid", "--fork", "--kill-child",
                         self.c_program(), "MODE", "MS", leak=leak and ("remember_request",),
                         pid=lambda parent: children(parent)[0])

    def sqlite(self, leak=False):
        process = self.start("/usr/bin/sqlite3", "-batch", "-init", "/dev/null", ":memory:", stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        process.stdin.write(b"create table t (k integer primary key, v text);\n"
                            b"insert into t select value, 'x' from generate_series(1, 200);\n")
        turns = threading.Lock()
        number = 0

        def change():
            nonlocal number
            number += 1
            statement = (f"insert into t (v) values (printf('%.*c', 900, 'y'));\n" if leak else
                         f"update t set v = printf('%.*c', {number * 31 % 400}, 'x') where k = {number % 200};\n")
            with turns:
                process.stdin.write(statement.encode())

        def answers():
            with turns:
                process.stdin.write(b"select 'ok';\n")
                return process.stdout.readline() == b"ok\n"

        self.repeat(0.02, change)
        self.add(Subject(kind("sqlite3", leak), [process.pid], answers,
                         ("sqlite3_", "libsqlite3", "sqlite3") if leak else None))

    def redis(self, leak=False):
        path = self.scratch / f"redis-{len(self.subjects)}.sock"
        process = self.start("/usr/bin/redis-server", "--port", "0", "--unixsocket", path, "--dir", self.scratch,
                             "--save", "", **QUIET)
        client = connect(path)
        turns = threading.Lock()
        number = 0

        def ask(command):
            with turns:
                client.sendall(command.encode() + b"\r\n")
                return client.recv(4096)

        def change():
            nonlocal number
            for _ in range(10):
                number += 1
                key = number if leak else number % 100
                ask(f"SET key:{key} {'v' * (50 + (number * 31 % 400))}")

        if not leak:
            change()
        self.repeat(0.05, change)
        # Redis grows with its keys: the keys, the values and the tables that have them.
        self.add(Subject(kind("redis-server", leak), [process.pid], lambda: ask("PING").startswith(b"+PONG"),
                         ("sds", "zmalloc", "ztrymalloc", "createStringObject", "createEmbedded", "dict", "set",
                          "redis-server", "redis-check") if leak else None))

    def nginx(self):
        folder = self.scratch / f"nginx-{len(self.subjects)}"
        folder.mkdir()
        configuration = folder / "nginx.conf"
        configuration.write_text(
            f"daemon off; worker_processes 2; pid {folder}/pid; error_log {folder}/error.log; user root;\n"
            "events { worker_connections 64; }\n"
            f"http {{ access_log off; client_body_temp_path {folder}/1; proxy_temp_path {folder}/2;\n"
            f"fastcgi_temp_path {folder}/3; uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;\n"
            f"gzip on; gzip_types *; gzip_min_length 1;\n"
            f"server {{ listen unix:{folder}/socket; root {folder}; }} }}\n")
        (folder / "index.html").write_text("<p>ok</p>" * 500)
        process = self.start("/usr/sbin/nginx", "-p", folder, "-c", configuration, **QUIET)

        def request():
            with contextlib.closing(connect(folder / "socket")) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n")
                return connection.recv(4096)

        request()
        self.repeat(0.02, request)
        self.add(Subject("nginx", [process.pid, *children(process.pid)], lambda: b" 200 " in request()))

    def postgres(self, leak=False):
        """One server; its session prepares statements without end if it leaks."""
        owner = pwd.getpwnam("postgres")
        folder = self.scratch / f"postgres-{len(self.subjects)}"
        folder.mkdir()
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        as_owner = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": [], "cwd": folder}
        binaries = POSTGRES[-1]
        subprocess.run([binaries / "initdb", "-D", folder / "data", "-N"], check=True, env=ENVIRONMENT, **QUIET,
                       **as_owner)
        server = self.start(binaries / "postgres", "-D", folder / "data", "-k", folder, "-c", "listen_addresses=",
                            "-c", "fsync=off", **QUIET, **as_owner)
        client = [binaries / "psql", "-q", "-A", "-t", "-h", folder, "postgres"]
        deadline = time.monotonic() + 30
        while subprocess.run([*client, "-c", "select 1"], env=ENVIRONMENT, **QUIET, **as_owner).returncode:
            if time.monotonic() > deadline:
                raise SystemExit("postgres did not take connections in 30 s")
            time.sleep(0.2)
        session = self.start(*client, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             **as_owner)
        turns = threading.Lock()
        number = 0

        def ask():
            with turns:
                session.stdin.write(b"select 'ok';\n")
                return session.stdout.readline() == b"ok\n"

        def change():
            nonlocal number
            number += 1
            statement = (f"prepare p{number} as select {number}, repeat('x', $1::int);\n" if leak else
                         f"update t set v = repeat('x', {number % 300}) where k = {number % 100};\n")
            with turns:
                session.stdin.write(statement.encode())

        ask()
        session.stdin.write(b"create table t (k int primary key, v text);"
                            b"insert into t select i, 'x' from generate_series(0, 99) i;\n")
        self.repeat(0.02, change)
        self.add(Subject(kind("postgres", leak), [server.pid, *children(server.pid)], ask,
                         ("AllocSet", "MemoryContext", "palloc", "postgres") if leak else None))


def kind(name, leak):
    return f"{name}, leaking" if leak else name


def children(pid):
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if found:
            return [int(child) for child in found]
        time.sleep(0.02)
    return []


def wait_for(path, limit=20):
    deadline = time.monotonic() + limit
    while not path.exists():
        if time.monotonic() > deadline:
            raise SystemExit(f"{path} did not appear in {limit} s")
        time.sleep(0.05)


def connect(path):
    wait_for(path)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    deadline = time.monotonic() + 10
    while True:
        try:
            connection.connect(str(path))
            return connection
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def replace(source, target):
    """A copy in place of a file that may be running."""
    target.unlink(missing_ok=True)
    shutil.copy(source, target)


def debian_tree(suite):
    """The root folder of a minimal Debian of another release, made once."""
    tree = trees / suite
    if not (tree / "usr/bin/perl").exists():
        trees.mkdir(parents=True, exist_ok=True)
        unfinished = trees / f"{suite}.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        subprocess.run(["debootstrap", "--variant=minbase", suite, unfinished], check=True, **QUIET)
        unfinished.rename(tree)
    return tree
