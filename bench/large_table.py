"""Decision tables of a wanted number of rules over 10^8 cells, from a fixed seed: complete and free of overlap."""

import heapq
import random
from math import prod

from service.engine.table import Box, HitPolicy, Row, Table
from service.engine.vocabulary import Feature

FEATURES, VALUES = 8, 10
SEED = 20261123
OUTPUTS = tuple(f"o{number}" for number in range(10))


def large_table(rules: int, seed: int = SEED) -> Table:
    """The space cut in two again and again, the largest piece first, at a random feature into random halves."""
    drawn = random.Random(seed)
    inputs = tuple(Feature(f"f{n}", tuple(f"v{m}" for m in range(VALUES))) for n in range(FEATURES))
    whole: Box = {feature.name: frozenset(feature.values) for feature in inputs}
    pieces = [(-prod(map(len, whole.values())), 0, whole)]
    for number in range(1, rules):
        _, _, piece = heapq.heappop(pieces)
        name = drawn.choice([name for name, values in piece.items() if len(values) > 1])
        values = sorted(piece[name])
        half = frozenset(drawn.sample(values, drawn.randint(1, len(values) - 1)))
        for part, turn in ((half, 2 * number), (piece[name] - half, 2 * number + 1)):
            box = {**piece, name: part}
            heapq.heappush(pieces, (-prod(map(len, box.values())), turn, box))
    rows = tuple(
        Row(f"r{number}", drawn.choice(OUTPUTS), ({n: v for n, v in box.items() if len(v) < VALUES},))
        for number, (_, _, box) in enumerate(sorted(pieces))
    )
    return Table(f"{rules} rules", HitPolicy.UNIQUE, inputs, OUTPUTS, rows)


def points(number: int, seed: int = SEED) -> list[dict[str, str]]:
    """Random points of that space."""
    drawn = random.Random(seed)
    return [{f"f{n}": f"v{drawn.randrange(VALUES)}" for n in range(FEATURES)} for _ in range(number)]
