# Recursion, regular expressions, JSON, SQL with callbacks, generators, sorting by key: C calls Python calls C.
import functools
import json
import re
import sqlite3


@functools.lru_cache(maxsize=None)
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def words(depth):
    if depth:
        yield from words(depth - 1)
    yield f"word {depth}" * 9


class Upper(str):
    def __lt__(self, other):
        return str(self).upper() < str(other).upper()


database = sqlite3.connect(":memory:")
database.create_function("twice", 1, lambda text: text * 2)
total = 0
for i in range(2):
    fibonacci.cache_clear()
    total += fibonacci(16)
    total += len(re.sub(r"(\w+) (\d)", lambda match: match[2] + match[1], "ab 1 cd 2" * 4))
    total += len(json.dumps({f"k{n}": [n, str(n)] for n in range(9)}, indent=1))
    total += len(sorted(map(Upper, words(8))))
    total += len(database.execute("SELECT twice(?)", ("x" * 99,)).fetchone()[0])
print(total)
