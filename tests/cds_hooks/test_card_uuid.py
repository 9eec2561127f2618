"""UUIDs that say for themselves which card they name, and that strangers cannot make."""

import json
import random
import uuid

import pytest

from service.cds_hooks.card_uuid import UNCERTAIN, CardReference, CardUuids
from service.knowledge.guideline import Guideline
from tests.cds_hooks.hooks import SERVICES

VIEW, SELECT = SERVICES["patient-view"], SERVICES["order-select"]


@pytest.fixture
def uuids(guideline: Guideline) -> CardUuids:
    return CardUuids(b"a secret", {guideline.key: guideline})


def test_every_card_and_suggestion_is_read_back(uuids: CardUuids, guideline: Guideline) -> None:
    assert guideline.cards is not None
    services, suggestions = guideline.cards.services, guideline.cards.suggestions
    for rule in (*guideline.rules, UNCERTAIN):
        for service in services:
            name = uuids.make(guideline, rule, service.id)
            assert uuids.read(name) == CardReference(*guideline.key, rule, service.id)
    for index, suggestion in enumerate(suggestions):
        name = uuids.make(guideline, "R16", VIEW, index)
        assert uuids.read(name) == CardReference(*guideline.key, "R16", services[0].id, suggestion.id)
        assert uuids.read(name.upper()) == uuids.read(name), "a client may write it otherwise"


def test_they_are_version_4_and_look_random(uuids: CardUuids, guideline: Guideline) -> None:
    made = [uuid.UUID(uuids.make(guideline, "R16", VIEW)) for _ in range(400)]
    assert {(each.version, each.variant) for each in made} == {(4, uuid.RFC_4122)}
    assert len(set(made)) == len(made)
    for bit in range(128):
        if bit not in {62, 63, 76, 77, 78, 79}:  # variant and version
            ones = sum(each.int >> bit & 1 for each in made)
            assert 120 < ones < 280, f"bit {bit} tells something"


def test_a_strangers_uuid_is_not_read(uuids: CardUuids) -> None:
    dice = random.Random(20261123)
    for _ in range(2000):
        assert uuids.read(str(uuid.UUID(int=dice.getrandbits(128), version=4))) is None
    for text in ("", "x", "c27885ac", "c27885ac-c064-4c39-987e-480671e36a6e", "z" * 36, "{}", "é" * 32):
        assert uuids.read(text) is None


def test_a_card_has_one_spelling(uuids: CardUuids, guideline: Guideline) -> None:
    """Or one outcome could be counted many times."""
    name = uuids.make(guideline, "R16", VIEW)
    for text in (f"{{{name}}}", f"urn:uuid:{name}", name.replace("-", ""), f" {name}", f"{name}\n", f"-{name}"):
        assert uuids.read(text) is None
    for place, others in ((14, "0123567f"), (19, "01234567cdef")):
        for other in others:
            assert uuids.read(name[:place] + other + name[place + 1 :]) is None, "version or variant of another"


def test_a_changed_bit_is_noticed(uuids: CardUuids, guideline: Guideline) -> None:
    name = uuid.UUID(uuids.make(guideline, "R16", VIEW)).int
    free = [bit for bit in range(128) if bit not in {62, 63, 76, 77, 78, 79}]
    assert len(free) == 122
    assert all(uuids.read(str(uuid.UUID(int=name ^ 1 << bit))) is None for bit in free)


def test_another_secret_reads_nothing_and_the_same_one_everything(uuids: CardUuids, guideline: Guideline) -> None:
    name = uuids.make(guideline, "R05", SELECT)
    releases = {guideline.key: guideline}
    assert CardUuids(b"another", releases).read(name) is None
    assert CardUuids(b"a secret", releases).read(name) == uuids.read(name)


def test_a_release_that_is_gone_is_not_guessed(uuids: CardUuids, guideline: Guideline) -> None:
    name = uuids.make(guideline, "R05", SELECT)
    assert CardUuids(b"a secret", {("mbc-primary-lrt", "2031-01-01"): guideline}).read(name) is None


def test_cards_are_kept_without_uuids_and_get_new_ones_that_name_the_same(
    uuids: CardUuids, guideline: Guideline
) -> None:
    cards = {
        "uuid": uuids.make(guideline, "R16", VIEW),
        "detail": '"uuid":"x"',
        "also": [{"uuid": uuids.make(guideline, "R01", SELECT)}],
    }
    written = json.dumps(cards, separators=(",", ":")).encode()
    kept = uuids.strip(written)
    assert cards["uuid"].encode() not in kept
    made = [json.loads(uuids.renew(kept)) for _ in range(2)]
    assert len({each["uuid"] for each in (cards, *made)}) == 3
    for each in made:
        assert uuids.read(each["uuid"]) == uuids.read(cards["uuid"])
        assert uuids.read(each["also"][0]["uuid"]) == uuids.read(cards["also"][0]["uuid"])
        assert each["detail"] == cards["detail"]


def test_what_is_not_ours_is_not_kept(uuids: CardUuids) -> None:
    with pytest.raises(ValueError, match="not a UUID of ours"):
        uuids.strip(b'{"uuid":"c27885ac-c064-4c39-987e-480671e36a6e"}')
