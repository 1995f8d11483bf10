# Calls from Python through C into Python in ever other orders, by four threads, until it is ended.
import functools
import json
import random
import re
import sqlite3
import threading


class Record:
    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return self.inner()

    def __repr__(self):
        return f"{self.inner()}"

    def __lt__(self, other):
        return len(self.inner()) < len(other.inner())

    def __enter__(self):
        return self.inner()

    def __exit__(self, *unused):
        self.inner()

    def __iter__(self):
        yield self.inner()


def query(inner):
    database = sqlite3.connect(":memory:")
    database.create_function("nested", 1, lambda text: text + inner())
    return database.execute("SELECT nested('q')").fetchone()[0]


def entered(inner):
    with Record(inner) as text:
        return text


# Each calls `inner` once at least, with C functions in between.
KINDS = [
    lambda inner: sorted([Record(inner), Record(inner)])[0].inner(),
    lambda inner: "".join(map(lambda _: inner(), "a")),
    lambda inner: re.sub("b", lambda _: inner(), "abc"),
    lambda inner: functools.reduce(lambda text, _: text + inner(), "ab", ""),
    lambda inner: json.dumps({"k": Record(inner)}, default=lambda value: value.inner()),
    lambda inner: repr(Record(inner)),
    lambda inner: Record(inner).missing,
    lambda inner: max([1, 2], key=lambda _: len(inner())) and "m",
    lambda inner: "".join(Record(inner)),
    lambda inner: json.loads('[{"a": "1"}]', object_hook=lambda _: inner())[0],
    lambda inner: dict(filter(lambda _: inner(), [("k", "v")]))["k"],
    query,
    entered,
]


def work(seed):
    chance = random.Random(seed)

    def inner(depth):
        if depth == 0:
            return "x" * chance.randrange(600, 700)
        return chance.choice(KINDS)(lambda: inner(depth - 1))[:40]

    while True:
        inner(chance.randrange(1, 4))


threads = [threading.Thread(target=work, args=[seed], daemon=True) for seed in range(3)]
for thread in threads:
    thread.start()
work(3)
