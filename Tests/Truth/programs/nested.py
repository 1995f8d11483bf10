"""JSON for programs that are to be kept busy."""


def nested(chance, depth):
    """A JSON value, at most `depth` levels deep."""
    kind = chance.randrange(5) if depth else 0
    if kind < 1:
        return chance.choice([7, "text", None, 1.5, "x" * chance.randrange(90)])
    values = [nested(chance, depth - 1) for _ in range(chance.randrange(1, 4))]
    return values if kind < 3 else {f"k{i}": value for i, value in enumerate(values)}
