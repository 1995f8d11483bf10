# Dictionaries, classes, generators, exceptions, big integers.
class Node:
    def __init__(self, value, next_node):
        self.value, self.next = value, next_node


def numbers(count):
    seed = 5
    for _ in range(count):
        seed = (seed * 1103515245 + 12345) % 2**31
        yield seed


lists, head = {}, None
for i, number in enumerate(numbers(5000)):
    lists.setdefault(f"key {number % 200}", []).append("x" * (number % 700))
    head = Node(number**3, head if i % 100 else None)
    try:
        lists[str(number)]
    except KeyError as error:
        last = error
print(sum(len(v) for v in lists.values()), len(str(head.value)))
