"""Bodies of one patient: valid ones made from the vocabulary, then damaged; and what must be true of every answer."""

import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from flask import Flask

from service.knowledge.vocabulary import (
    Choice,
    Date,
    Fact,
    Findings,
    Flag,
    Number,
    Record,
    ReferenceDate,
    Vocabulary,
)
from service.knowledge.vocabulary import Members as Words
from tests.api.asking import ONE
from tests.conftest import GUIDELINE
from tests.strategies import EMERGENCIES, TODAY, days_before
from tests.trust.fuzz_cases import CANARY, Members, Verbatim, call, holds, readable, refused, tree, written

EMERGENCY = "EMERGENCY_PATHWAY"
AGAIN = 1 / 3
"""Of the answers, how many are asked for again: each costs as much as a case of its own."""
DAYS = ("2026-02-30", "0001-01-01", "9999-12-31", "2026-13-01", "20261123", "2026-W48-1", "2026-11-23T00:00:00Z", "")
WORDS = (
    "", "present", "Present", "PRESENT ", "absent", "none", "NONE", "unknown", "true", "yes", "4", "4.0", "-1", "odor",
    "tumor", "CR", "pCR", "not_responded", "__proto__", "constructor", "\u0000", "\u202e", "\ufeff", "ß", "İ", "🩸",
    "../../etc/passwd", "{{7*7}}", "%s%n", "'; DROP TABLE x; --", "<script>", "1e5", "0x10", "٤",
)  # fmt: skip
NUMBERS = (
    0, -0.0, -1, 1, 2, 3, 4, 5, 4.0, 3.7, 0.1 + 0.2, 49.999999999, 120, 121, 2000.0001, 10**18, 2**63, 2**64, -(2**63),
    10**30, 1e308, -1e308, 5e-324, True, False,
)  # fmt: skip
NO_JSON = ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 5000, "01", "+1", ".5", "0x10", "tru", "'a'", "")
NAMES = (
    "", "_schema", "~/", "~0~1", "__proto__", "0", "-1", "presence", "grade", "bleeding", "odor", "tumor_grade",
    "hemoglobin_g_per_dl", "Complications", "COMPLICATIONS", " complications", "a" * 100, "a" * 5000, "\u0000", "é",
    "complications.bleeding", "complications/bleeding", "$ref", "errors", "urgent",
)  # fmt: skip
Chance = random.Random


def valid(chance: Chance, fact: Fact) -> Any:  # noqa: PLR0911 - one a kind of fact
    """A valid value of a fact."""
    if chance.random() < 0.08 and not isinstance(fact, Words):
        return chance.choice([None, "unknown"])
    match fact:
        case Choice():
            return chance.choice(list(fact.words))
        case Flag():
            return chance.random() < 0.5
        case Number():
            edges = [fact.minimum, fact.maximum, *fact.bands.values()]
            number = chance.choice([*edges, chance.uniform(fact.minimum, fact.maximum)])
            return int(number) if fact.whole else number
        case Date() | ReferenceDate():
            return days_before(TODAY.isoformat(), chance.choice([0, 0, 0, 1, 30, 119, 120, 121, 400]))
        case Words():
            return chance.sample(list(fact.words), chance.randint(0, 3))
        case Record():
            if chance.random() < 0.5:
                return valid(chance, fact.members[fact.shorthand])
            names = chance.sample(list(fact.members), chance.randint(0, len(fact.members)))
            return Members((name, valid(chance, fact.members[name])) for name in names)
        case Findings():
            return _findings(chance, fact)
        case _:
            raise TypeError(type(fact))


def _findings(chance: Chance, fact: Findings) -> Any:
    form = chance.random()
    if form < 0.4:
        return "none"
    if form < 0.5:
        return chance.sample(list(fact.findings), chance.randint(0, 3))
    found = Members()
    for name in chance.sample(list(fact.findings), chance.randint(0, 6)):
        presence = chance.choice(["present", "absent", "absent", "unknown"])
        if chance.random() < 0.6:
            found.append((name, presence))
            continue
        entry = Members([("presence", presence)])
        if presence != "absent" and chance.random() < 0.5:
            entry.append(("grade", chance.randint(1, 3)))
        flags = [flag for flag in fact.findings[name].flags if chance.random() < 0.3]
        entry += [(flag, chance.choice([True, False, "unknown"])) for flag in flags]
        found.append((name, entry))
    return found


def patient(chance: Chance, vocabulary: Vocabulary) -> Members:
    """A valid body; what it says may be contradictory."""
    number = chance.choice([0, 1, 3, 5, 5, 8, 12, len(vocabulary.facts)])
    names = chance.sample(list(vocabulary.facts), number)
    return Members((name, valid(chance, vocabulary.facts[name])) for name in names)


# ---- damage


def rubbish(chance: Chance) -> Any:
    """A value that hardly any member takes."""
    return chance.choice(_RUBBISH)(chance)


_RUBBISH: tuple[Callable[[Chance], Any], ...] = (
    lambda chance: chance.choice(WORDS),
    lambda chance: CANARY + chance.choice(WORDS),
    lambda chance: chance.choice(NUMBERS),
    lambda chance: chance.choice(DAYS),
    lambda chance: chance.choice([None, [], Members(), [[]], [None], [Members()], Members([("", None)])]),
    lambda chance: [rubbish(chance) for _ in range(chance.randint(0, 2))],
    lambda chance: Members((chance.choice(NAMES), rubbish(chance)) for _ in range(chance.randint(0, 2))),
)


Place = tuple[list[Any], int]
"""A list or the pairs of an object, and an index in it."""


def places(value: Any) -> list[Place]:
    """Everywhere in a body where something stands."""
    found: list[Place] = []
    layer = [value]
    while layer:
        item = layer.pop()
        if isinstance(item, list):
            found += [(item, index) for index in range(len(item))]
            layer += [pair[1] for pair in item] if isinstance(item, Members) else item
    return found


def get(place: Place) -> Any:
    """What stands there."""
    held, index = place
    return held[index][1] if isinstance(held, Members) else held[index]


def put(place: Place, value: Any) -> None:
    """Let something else stand there."""
    held, index = place
    held[index] = (held[index][0], value) if isinstance(held, Members) else value


def _objects(body: Members) -> list[Members]:
    return [body, *(get(place) for place in places(body) if isinstance(get(place), Members))]


def _replace(chance: Chance, body: Members, _: Vocabulary) -> None:
    if found := places(body):
        put(chance.choice(found), rubbish(chance))


def _repeat(chance: Chance, body: Members, vocabulary: Vocabulary) -> None:
    inside = chance.choice(_objects(body))
    name = chance.choice(inside)[0] if inside else chance.choice(list(vocabulary.facts))
    fact = vocabulary.facts.get(name)
    other = rubbish(chance) if fact is None or chance.random() < 0.4 else valid(chance, fact)
    for _ in range(chance.choice([1, 1, 1, 2, 7])):
        inside.insert(chance.randint(0, len(inside)), (name, other))


def _stranger(chance: Chance, body: Members, _: Vocabulary) -> None:
    inside = chance.choice(_objects(body))
    inside.insert(chance.randint(0, len(inside)), (chance.choice(NAMES), rubbish(chance)))


def _nest(chance: Chance, body: Members, _: Vocabulary) -> None:
    if found := places(body):
        place = chance.choice(found)
        value = get(place)
        for _ in range(chance.choice([1, 2, 5, 30, 61, 62, 63, 64, 65, 70])):
            value = (
                [value] if chance.random() < 0.5 else Members([(chance.choice(["presence", "a", "overall"]), value)])
            )
        put(place, value)


def _no_json(chance: Chance, body: Members, _: Vocabulary) -> None:
    if found := places(body):
        put(chance.choice(found), Verbatim(chance.choice(NO_JSON)))


def _surrogate(chance: Chance, body: Members, _: Vocabulary) -> None:
    half = chance.choice(["\ud800", "x\udfff", "a\udc00b"])
    inside = chance.choice(_objects(body))
    inside.append((half, None) if chance.random() < 0.3 else ("sex", CANARY + half))


def _contradict(chance: Chance, body: Members, vocabulary: Vocabulary) -> None:
    assert vocabulary.findings is not None
    finding = chance.choice(list(vocabulary.findings.findings.values()))
    entry = Members([("presence", chance.choice(["absent", "present", "unknown", "Absent", None]))])
    entry.append(("grade", chance.choice([0, 1, 2, 3, 4, 5, "4", 4.0, "unknown", None, 2.5])))
    entry += [(flag, chance.choice([True, False, "true", 1, None])) for flag in finding.flags]
    chance.shuffle(entry)
    body.append(("complications", Members([(finding.name, entry)])))


def _date(chance: Chance, body: Members, _: Vocabulary) -> None:
    day = chance.choice([*DAYS, *(days_before(TODAY.isoformat(), number) for number in (-400, -2, -1, 0, 5000))])
    if chance.random() < 0.5:
        body.append(("as_of", day))
    else:
        body.append(("chemotherapy_response", Members([("overall", "PR"), ("assessed_on", day)])))


def _spell(chance: Chance, body: Members, _: Vocabulary) -> None:
    inside = chance.choice(_objects(body))
    if inside:
        index = chance.randrange(len(inside))
        name, value = inside[index]
        inside[index] = (
            chance.choice([name.upper(), name.title(), f" {name}", name[:-1], name.replace("_", "-")]),
            value,
        )


def _swap(chance: Chance, body: Members, _: Vocabulary) -> None:
    found = places(body)
    if len(found) > 1:
        one, other = chance.sample(found, 2)
        here, there = get(one), get(other)
        # What holds the other would come to hold itself.
        if not (isinstance(here, list) or isinstance(there, list)):
            put(one, there)
            put(other, here)


def _crowd(chance: Chance, body: Members, _: Vocabulary) -> None:
    number = chance.choice([900, 1001, 3000])
    body += [(f"x{index}", None) for index in range(number)]
    chance.shuffle(body)


DAMAGE: dict[str, tuple[int, Callable[[Chance, Members, Vocabulary], None]]] = {
    "wrong value": (8, _replace),
    "repeated key": (5, _repeat),
    "unknown member": (4, _stranger),
    "nested": (3, _nest),
    "no JSON": (1, _no_json),
    "half a surrogate pair": (1, _surrogate),
    "contradictory complication": (5, _contradict),
    "strange date": (3, _date),
    "misspelt name": (3, _spell),
    "swapped values": (3, _swap),
    "a crowd": (0, _crowd),
}
"""Name -> weight, and what it does. A crowd is met by the short form's table and one case in a hundred."""
_KINDS, _WEIGHTS = list(DAMAGE), [weight for weight, _ in DAMAGE.values()]


def _bytes(chance: Chance, text: str) -> bytes:
    """The text as bytes, seldom damaged as such."""
    body = text.encode("utf-8", "surrogatepass")
    return body if chance.random() > 0.03 else chance.choice(_BYTES)(chance, body)


def _other_byte(chance: Chance, body: bytes) -> bytes:
    index = chance.randrange(len(body))
    return body[:index] + bytes([chance.randrange(256)]) + body[index + 1 :]


_BYTES: tuple[Callable[[Chance, bytes], bytes], ...] = (
    _other_byte,
    lambda chance, body: body[: chance.randrange(len(body))],
    lambda chance, body: body + chance.choice([b"}", b",", b"null", b"\x00", b"{}", b" \n\t\r "]),
    lambda _, body: b"\xef\xbb\xbf" + body,
    lambda chance, body: body.decode("utf-8", "replace").encode(chance.choice(["utf-16", "utf-32", "utf-7"])),
    lambda _, body: b"[" + body + b"]",
    lambda chance, _: chance.choice([b"", b" ", b"null", b"[]", b"0", b'""', b"true", b"{}"]),
)


# ---- one case


def case(app: Flask, chance: Chance, counts: Counter) -> None:
    """Make a body, ask, and judge the answer."""
    vocabulary: Vocabulary = app.config["KNOWLEDGE"].newest(GUIDELINE).guideline.vocabulary
    body = patient(chance, vocabulary)
    for kind in chance.choices(_KINDS, _WEIGHTS, k=chance.choice([0, 0, 1, 1, 1, 2, 3, 5])):
        counts[f"damage: {kind}"] += 1
        DAMAGE[kind][1](chance, body, vocabulary)
    if chance.random() < 0.01:
        _crowd(chance, body, vocabulary)
    planted = chance.random() < 0.15
    if planted:
        _plant(chance, body)
    text = _bytes(chance, written(body))
    view = chance.choice(["row"] * 28 + ["brief", "full"])
    status, headers, answer = call(app, "POST", ONE, text, query=f"view={view}")
    counts[str(status)] += 1
    can_read = readable(text)
    holds(status != 500, "no 500", text)
    holds((status == 400) == (not can_read), "400 is for what cannot be read, and for nothing else", (status, text))
    if planted and can_read and isinstance(tree(text), Members):
        counts["emergencies planted"] += 1
        # Damage to the bytes may have hit the emergency itself.
        if text == written(body).encode("utf-8", "surrogatepass"):
            holds(status == 200, "an emergency is never answered with an error", text)
            holds(_code(answer, view) == EMERGENCY, "an emergency is answered as one", text)
    if status != 200:
        holds(status in {400, 422}, "a body is answered, or refused with 400 or 422", (status, text))
        refused(status, headers, answer, text)
        return
    holds(CANARY.encode() not in answer, "an answer repeats no rubbish", text)
    # What could not be read is said in the answer, which is therefore kept nowhere.
    whole = "bypass" not in headers["Cache-Status"]
    counts["answered beside what could not be read"] += not whole
    if chance.random() < AGAIN:
        counts["permalinks compared"] += 1
        _again(app, (view, answer, text), headers["Decision-Id"], whole=whole)
    if whole and chance.random() < AGAIN:
        counts["asked again in other words"] += 1
        _with_nothing_more(app, chance, vocabulary, (view, answer, text))


def _plant(chance: Chance, body: Members) -> None:
    """State an emergency in a place that can be read."""
    name, value = chance.choice(EMERGENCIES)
    inside = [item for key, item in body if key == name and isinstance(item, Members)]
    pairs = Members((key, item) for key, item in value.items()) if isinstance(value, dict) else value
    if inside and isinstance(pairs, Members):
        target = chance.choice(inside)
        target[chance.randint(0, len(target)) : 0] = pairs
    else:
        body.insert(chance.randint(0, len(body)), (name, pairs))


def _code(answer: bytes, view: str) -> str:
    found = json.loads(answer)
    return str(found["code"] if view == "row" else found["recommendations"][0]["code"])


def _again(app: Flask, asked: tuple[str, bytes, bytes], decision: str, *, whole: bool) -> None:
    """The permalink gives the same bytes, but for what could not be read."""
    view, answer, text = asked
    status, _, recalled = call(app, "GET", f"{ONE}/{decision}", query=f"view={view}")
    holds(status == 200, "every answer has a permalink", (status, text))
    if whole:
        holds(recalled == answer, "the permalink gives the same bytes", text)
    else:
        first, second = json.loads(answer), json.loads(recalled)
        for found in (first, second):
            found.pop("refused", None)
        holds(first == second, "an emergency's permalink is the answer without refused[]", text)


def _with_nothing_more(app: Flask, chance: Chance, vocabulary: Vocabulary, asked: tuple[str, bytes, bytes]) -> None:
    """Nothing stated is nothing changed; and the order of the members says nothing."""
    view, answer, text = asked
    members = tree(text)
    holds(isinstance(members, Members), "what is answered is an object", text)
    stated = {name for name, _ in members}
    more = [name for name in vocabulary.facts if name not in stated]
    if more:
        members.insert(chance.randint(0, len(members)), (chance.choice(more), chance.choice([None, "unknown", None])))
    chance.shuffle(members)
    status, _, other = call(app, "POST", ONE, written(members).encode(), query=f"view={view}")
    holds(status == 200 and other == answer, "an unknown member and another order change nothing", text)
