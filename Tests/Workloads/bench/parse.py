"""A loop over JSON text: parse.py [BYTES]: lists that take so many bytes a second are kept.

Prints what progress.h says, of the CPU time of its only thread.
"""

import json
import sys
import time

BINS = 2000
KEPT_BYTES = 4096

text = json.dumps([{"id": number, "name": f"a name of some length {number}", "tags": ["x" * 40, "y" * 700],
                    "place": {"latitude": 48.1 + number, "longitude": 11.5}} for number in range(8)])
kept = []


def turn():
    return len(json.loads(text))


def keep():
    kept.append(bytearray(KEPT_BYTES))


def main():
    rate = float(sys.argv[1]) if len(sys.argv) > 1 else 0
    bins = []
    usual = lost = longest = 0.0
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
        if turns % 25:
            continue
        now = time.thread_time()
        length = now - bin_start
        bin_start = now
        if len(bins) < BINS:
            bins.append(length)
            if len(bins) == BINS:
                usual = sorted(bins)[BINS // 2]
                second, last_turn = now, turns
                if rate:
                    leak_turns = max(1, round(turns / (time.monotonic() - began) * KEPT_BYTES / rate))
                    next_leak = turns + leak_turns
            continue
        if length > 3 * usual:
            lost += length - usual
        longest = max(longest, length)
        if now - second < 1:
            continue
        elapsed = now - second
        print(f"parse {(turns - last_turn) / elapsed:.0f} {lost / elapsed:.5f} {1e3 * longest:.3f} {leaked}",
              flush=True)
        second, last_turn = now, turns
        lost = longest = 0.0


main()
