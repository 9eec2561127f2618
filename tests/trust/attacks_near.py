"""Bodies that nearly state an emergency, and bodies whose words only look like one. Each is made of seed and number."""

import json
import random
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from flask import Flask

from tests.api.asking import BATCH, NDJSON, ONE
from tests.api.test_emergency import ENTRIES, FEVER, GENERAL
from tests.trust.fuzz_cases import CANARY, Verbatim, call, holds, written

CODE = "EMERGENCY_PATHWAY"
SEPARATORS = ("", " ", "-", ".", "  ", "/", ":", "_-_", "\t", "\u2011", "\u2010", "\u00a0", "\u200b", "\u3000", "__")
PADDINGS = ("", "", "", " ", "\t", "\u00a0", "\u200b", ".")
FORMS = {"full-width": 0xFF41, "bold": 0x1D41A, "sans-serif": 0x1D5BA, "monospaced": 0x1D68A, "circled": 0x24D0}
"""What the letter a is in forms that are compatible with it (Unicode, NFKD)."""
LIKE = dict(zip("aceiopsxy", "\u0430\u0441\u0435\u0456\u043e\u0440\u0455\u0445\u0443", strict=True))
"""Cyrillic letters that look like Latin ones."""
FOURS = ("4", "iv", "\u2163", "\uff14", "\u2463")
BEFORE_FOUR = ("g", "gr", "grade", "ctcae g", "ctcae grade", "ctcae-grade")
NO_FOURS = (
    "<4", ">=4", "-4", "4-5", "G40", "G44", "G14", "IVa", "XIV", "VI", "four", "grade four", "G.", "CTCAE", "G4?",
    "not G4", "no grade 4", "G4 excluded", "4/5", "\u0421\u0422\u0421\u0410\u0415 grade 4",
)  # fmt: skip
NOT = (
    "no {}",
    "without {}",
    "{} excluded",
    "{} absent",
    "history of {}",
    "suspected {}",
    "anti-{}",
    "{}?none",
    "{}-free",
)
BESIDE: dict[str, Any] = {"hat": CANARY, "age_years": CANARY, "ecog": [1], "lesion_count": 10**30, "sex": 1}
"""What else is wrong with some of the bodies."""
UNREADABLE = ("NaN", "Infinity", "-Infinity", "1e999", '"\\ud800"', "[" * 80 + "0" + "]" * 80, "byte")
BYTE = "a byte that is no text"
ALSO_UNREADABLE = BYTE.encode() + b" \xe9"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


# ---- near misses


def near_miss(app: Flask, chance: random.Random, counts: Counter) -> None:
    """It is refused, and the refusal says what to do in an emergency."""
    how = chance.choice(tuple(WAYS))
    facts = WAYS[how](chance)
    if isinstance(facts, dict) and chance.random() < 0.5:
        facts = _beside(chance, facts)
    if how == "unreadable elsewhere":
        fault = chance.choice(UNREADABLE)
        facts["elsewhere"] = BYTE if fault == "byte" else Verbatim(fault)
        how = f"{fault[:12]} elsewhere"
    if chance.random() < 0.1 and isinstance(facts, dict):
        facts, how = [facts], f"{how}, in a list"
    body = written(facts).encode().replace(BYTE.encode(), ALSO_UNREADABLE)
    if chance.random() < 0.1:
        body, how = BYTE_ORDER_MARK + body, f"{how}, after a byte order mark"
    status, problem = _asked(app, chance.choice(PATHS), body)
    counts[how.partition(",")[0]] += 1
    counts[f"answered with {status}"] += 1
    expected = 400 if "elsewhere" in how else 422
    holds(status == expected, f"a near miss is refused with {expected}", (status, how, body))
    said = problem.get("urgent", {})
    holds(said.get("code") == CODE, "the refusal of a near miss says what to do", (how, body, said))
    holds(said.get("statement"), "it says so in a sentence", (how, body))
    holds(CANARY not in json.dumps(problem), "what was refused is not repeated", (how, body))


def _of_a_name(chance: random.Random) -> Any:
    name, entry = chance.choice(list(ENTRIES.values()))
    near = misspelt(chance, name)
    if entry == "present":
        return {"complications": chance.choice(([near], {near: "present"}, {near: True}, [{near: "present"}]))}
    return {"complications": chance.choice(({near: entry}, [{near: entry}]))}


def _of_a_flag(chance: random.Random) -> Any:
    name, entry = chance.choice([each for each in ENTRIES.values() if {*each[1]} & FLAGS])
    return {"complications": {name: {misspelt(chance, part): value for part, value in entry.items()}}}


def _of_a_grade(chance: random.Random) -> Any:
    name = chance.choice(("bleeding", "chest_wall_necrosis", "infection"))
    grade = chance.choice(BEFORE_FOUR) + chance.choice(("", " ", "-", ".", ". ", ": ", "_")) + chance.choice(FOURS)
    grade = chance.choice((grade, grade, *FOURS[1:]))
    near = _lettered(chance, _cased(chance, grade))
    return {"complications": {name: chance.choice(({"grade": near}, {"presence": "present", "grade": near}, near))}}


def _of_a_word(chance: random.Random) -> Any:
    if chance.random() < 0.5:
        return {"complications": {"sepsis_signs": misspelt(chance, "present")}}
    name, entry = chance.choice([each for each in ENTRIES.values() if {*each[1]} & FLAGS])
    said = {True: ("yes", "true"), False: ("no", "false")}
    return {"complications": {name: {part: _formed(chance, chance.choice(said[v])) for part, v in entry.items()}}}


def _of_a_fact(chance: random.Random) -> Any:
    if chance.random() < 0.5:
        return {misspelt(chance, FEVER): True}
    name, entry = chance.choice(list(ENTRIES.values()))
    return {misspelt(chance, "complications"): {name: entry}}


def _outside_its_place(chance: random.Random) -> Any:
    name, entry = chance.choice(list(ENTRIES.values()))
    return {misspelt(chance, name): entry}


def _plain(chance: random.Random) -> Any:
    name, entry = chance.choice(list(ENTRIES.values()))
    return chance.choice(({"complications": {name: entry}}, {FEVER: True}, {"complications": ["sepsis_signs"]}))


WAYS: dict[str, Callable[[random.Random], Any]] = {
    "name": _of_a_name,
    "flag": _of_a_flag,
    "grade": _of_a_grade,
    "word": _of_a_word,
    "name of a fact": _of_a_fact,
    "outside its place": _outside_its_place,
    "list of one": lambda chance: [_plain(chance)],
    "unreadable elsewhere": lambda chance: chance.choice((_plain, _of_a_name, _of_a_grade))(chance),
}
FLAGS = {part for _, entry in ENTRIES.values() if isinstance(entry, dict) for part in entry} - {"presence", "grade"}
PATHS = (ONE, GENERAL, BATCH)


def misspelt(chance: random.Random, name: str) -> str:
    """Return a name with other separators, case or letters, so that it is not one that is tolerated."""
    while True:
        words = name.split("_")
        near = _lettered(chance, _cased(chance, chance.choice((*SEPARATORS, "_", "_")).join(words)))
        near = chance.choice(PADDINGS) + near + chance.choice(PADDINGS)
        if near.lower().strip() != name:
            return near


def _cased(chance: random.Random, text: str) -> str:
    return chance.choice((str, str.upper, str.title, str.capitalize, _camel, str.swapcase))(text)


def _camel(text: str) -> str:
    return text[:1] + text.title()[1:]


def _lettered(chance: random.Random, text: str) -> str:
    """Return a text, now and then with some or all of its letters in another form."""
    return _formed(chance, text) if chance.random() < 0.4 else text


def _formed(chance: random.Random, text: str) -> str:
    """Return a text with letters in another form; at least one."""
    first, share = FORMS[chance.choice(tuple(FORMS))], chance.choice((0.2, 1.0))
    at = [index for index, letter in enumerate(text) if "a" <= letter <= "z"]
    changed = {index for index in at if chance.random() < share} or {*at[:1]}
    return "".join(chr(first + ord(each) - ord("a")) if n in changed else each for n, each in enumerate(text))


# ---- what only looks alike


def look_alike(app: Flask, chance: random.Random, counts: Counter) -> None:
    """It is no emergency, so nothing says that it is one; of a name that is none nothing is urgent at all."""
    how = chance.choice(tuple(LOOKS))
    facts = LOOKS[how](app, chance)
    if chance.random() < 0.3:
        facts = _beside(chance, facts)
    body = written(facts).encode()
    status, said = _asked(app, chance.choice(PATHS), body)
    counts[how] += 1
    counts[f"answered with {status}"] += 1
    holds(status in {200, 422}, "what only looks like an emergency is read as ever", (status, how, body))
    lead = said.get("recommendations", [said])[0].get("code") if status == 200 else said.get("urgent", {}).get("code")
    holds(lead != CODE, "what only looks like an emergency is not told as one", (how, body))
    if how in NAMES_ALONE:
        holds("urgent" not in said, "a name that is none is not urgent", (how, body, said.get("urgent")))


def _other(chance: random.Random, name: str) -> Any:
    """Facts in which a name stands where a finding or a fact does."""
    if name.startswith("fever"):
        return {name: True}
    return chance.choice(({"complications": [name]}, {"complications": {name: "present"}}, {name: "present"}))


def _unlike(app: Flask, chance: random.Random, change: Callable[[random.Random, str], str]) -> Any:
    """Facts with a name that is changed into none that the vocabulary has."""
    while True:
        name = change(chance, chance.choice([*sorted({each for each, _ in ENTRIES.values()}), FEVER]))
        if folded(name) not in known(app):
            return _other(chance, _cased(chance, name))


def _homoglyph(chance: random.Random, name: str) -> str:
    at = [index for index, letter in enumerate(name) if letter in LIKE]
    changed = {*chance.sample(at, chance.randint(1, len(at)))}
    return "".join(LIKE[each] if n in changed else each for n, each in enumerate(name))


def _one_letter(chance: random.Random, name: str) -> str:
    at = chance.randrange(len(name) - 1)
    left, one, two, right = name[:at], name[at], name[at + 1], name[at + 2 :]
    return chance.choice(
        (left + two + right, left + one * 2 + two + right, left + two + one + right, f"{left}q{two}{right}")
    )


def _negated(chance: random.Random, name: str) -> str:
    return chance.choice(NOT).format(name.replace("_", chance.choice("_ -")))


def _a_part(chance: random.Random, name: str) -> str:
    words = name.split("_")
    return "_".join(words[:-1] if chance.random() < 0.5 else words[1:]) or name[:-1]


def _said_absent(_: Flask, chance: random.Random) -> Any:
    name = chance.choice(("sepsis_signs", misspelt(chance, "sepsis_signs")))
    return {"complications": {name: chance.choice(("absent", "ABSENT", False, "no", "unknown", None, {"grade": 0}))}}


def _no_grade(_: Flask, chance: random.Random) -> Any:
    name = chance.choice(("bleeding", "chest_wall_necrosis", "infection"))
    return {"complications": {name: {"grade": _cased(chance, chance.choice(NO_FOURS))}}}


LOOKS: dict[str, Callable[[Flask, random.Random], Any]] = {
    "letters of another alphabet": lambda app, chance: _unlike(app, chance, _homoglyph),
    "one letter off": lambda app, chance: _unlike(app, chance, _one_letter),
    "negated or qualified": lambda app, chance: _unlike(app, chance, _negated),
    "a part of the name": lambda app, chance: _unlike(app, chance, _a_part),
    "said to be absent": _said_absent,
    "a grade that is none": _no_grade,
}
NAMES_ALONE = {*tuple(LOOKS)[:4]}


@cache
def known(app: Flask) -> frozenset[str]:
    """Every name of the shipped vocabularies, folded."""
    named: set[str] = set()
    releases = [each for of in app.config["KNOWLEDGE"].library.guidelines.values() for each in of.values()]
    for vocabulary in (each.vocabulary for each in releases):
        named |= {*vocabulary.facts, *vocabulary.spellings, *vocabulary.spellings.values()}
        named |= {*(vocabulary.findings.findings if vocabulary.findings else ())}
    return frozenset(map(folded, named))


def folded(name: str) -> str:
    """Return a name in lower case, without separators, each letter in its plain form."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", name).casefold()))


# ---- asking


def _beside(chance: random.Random, facts: dict[str, Any]) -> dict[str, Any]:
    more = {name: BESIDE[name] for name in chance.sample(sorted(BESIDE), chance.randint(1, 3))}
    return {**more, **facts} if chance.random() < 0.5 else {**facts, **more}


def _asked(app: Flask, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
    """The status of a body, and the problem or answer; of a batch those of its line."""
    if path != BATCH:
        status, _, text = call(app, "POST", path, body)
        return status, json.loads(text)
    status, _, text = call(app, "POST", path, body + b"\n{}\n", kind=NDJSON)
    holds(status == 200, "a line never spoils a batch", (status, body))
    items: Iterator[dict[str, Any]] = map(json.loads, text.splitlines())
    first, second = items
    holds(second["status"] == 200, "a line never spoils its neighbour", body)
    return first["status"], first["problem"] if "problem" in first else first["answer"]
