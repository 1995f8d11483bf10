"""A loop over JSON text: parse.py [BYTES]: lists that take so many bytes a second are kept.

Prints what progress.h says, of the CPU time of its only thread. What it does is not slowed enough for slow bins to stand
out, so that bins are told apart as in reads.c: by breakpoints where malloc and others begin.
"""

import ctypes
import json
import sys
import time

BIN_TURNS = 10
KEPT_BYTES = 4096

libc = ctypes.CDLL(None)
FUNCTIONS = [ctypes.cast(libc[name], ctypes.c_void_p).value for name in ("malloc", "free", "calloc", "realloc")]
text = json.dumps([{"id": number, "name": f"a name of some length {number}", "tags": ["x" * 40, "y" * 700],
                    "place": {"latitude": 48.1 + number, "longitude": 11.5}} for number in range(8)])
kept = []


def code():
    return [ctypes.string_at(address, 64) for address in FUNCTIONS]


def turn():
    return len(json.loads(text))


def keep():
    kept.append(bytearray(KEPT_BYTES))


def lost_time(bins, usual):
    """What bins with breakpoints, and those beside them, took beyond the others; and what those take. Seconds."""
    slow = {near for index, (_, probed) in enumerate(bins) if probed for near in (index - 1, index, index + 1)}
    others = [length for index, (length, _) in enumerate(bins) if index not in slow]
    if len(others) > 100:
        usual = sum(others) / len(others)
    return sum(length - usual for index, (length, _) in enumerate(bins) if index in slow), usual


def main():
    rate = float(sys.argv[1]) if len(sys.argv) > 1 else 0
    usual_code, probed = code(), False
    bins, usual = [], None
    turns = last_turn = leaked = 0
    leak_turns = next_leak = None
    began = time.monotonic()
    bin_start = second = time.thread_time()
    while True:
        turn()
        turns += 1
        if next_leak is not None and turns >= next_leak:
            keep()
            leaked += KEPT_BYTES
            next_leak += leak_turns
        if turns % BIN_TURNS:
            continue
        was_probed, probed = probed, code() != usual_code
        now = time.thread_time()
        bins.append((now - bin_start, probed or was_probed))
        bin_start = now
        elapsed = now - second
        if elapsed < 1:
            continue
        is_first = usual is None
        lost, usual = lost_time(bins, usual or sum(length for length, _ in bins) / len(bins))
        if not is_first:
            print(f"parse {(turns - last_turn) / elapsed:.0f} {lost / elapsed:.5f} "
                  f"{1e3 * max(length for length, _ in bins):.3f} {leaked}", flush=True)
        elif rate:
            leak_turns = max(1, round(turns / (time.monotonic() - began) * KEPT_BYTES / rate))
            next_leak = turns + leak_turns
        bins, last_turn = [], turns
        bin_start = second = time.thread_time()


main()
