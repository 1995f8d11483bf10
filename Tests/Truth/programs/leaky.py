# Changes a dictionary of a fixed size and answers every line of input: leaky.py leak|steady MILLISECONDS
import select
import sys

leaks, milliseconds = sys.argv[1] == "leak", int(sys.argv[2])
table, kept, number = {}, [], 0


def remember_request(request):
    kept.append(bytes(1000 + request % 7))


while True:
    if select.select([sys.stdin], [], [], milliseconds / 1000)[0]:
        if not sys.stdin.readline():
            break
        print("ok", flush=True)
    for _ in range(10):
        number += 1
        table[number * 7919 % 97] = "x" * (600 + number * 31 % 900)
        if number % 3 == 0:
            table.pop(number % 97, None)
    if leaks:
        remember_request(number)
