"""The whole: any record is answered, what is stated is always accepted, and a large record takes no longer a piece."""

import copy
import itertools
import json
import sys
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.fhir.extract import Extraction
from tests.fhir import building
from tests.fhir.building import (
    BREAST,
    CHEST_WALL,
    CM,
    CM0,
    CM1,
    IMPROVED,
    LEFT,
    LOINC,
    MEDDRA,
    RIGHT,
    SCT,
    STABLE,
    WORSENED,
    bundle,
    cancer,
    concept,
    condition,
    observation,
    procedure,
    us,
)

DATES = [
    None,
    "2018",
    "2025-06",
    "2026-01-10",
    "2026-01-20",
    "2026-05-13",
    "2026-10-01",
    "2026-11-20",
    "2026-11-24",
    "2030",
]
on = st.sampled_from(DATES)
side = st.sampled_from([None, LEFT, RIGHT, BREAST, CHEST_WALL])


@st.composite
def conditions(draw):
    system, code = draw(
        st.sampled_from(
            [
                (CM, "C79.51"), (CM, "C78.7"), (CM, "C77.3"), (CM, "C77.9"), (CM, "C79.81"), (CM, "C34.90"),
                (CM, "C50.911"), (CM, "D05.12"), (CM, "Z90.12"), (CM, "Z17.0"), (CM, "L98.444"), (SCT, "52297004"),
                (SCT, "46742003"), (SCT, "75817003"), (SCT, "91302008"), (SCT, "128462008"), (SCT, "315004001"),
                (CM, "I10"), (SCT, "706970001"),
            ]
        )
    )  # fmt: skip
    clinical = draw(st.sampled_from([None, "active", "remission", "recurrence", "resolved"]))
    found = condition(code, draw(on), system, clinical=clinical, id=f"c{draw(st.integers(0, 99))}")
    site = draw(side)
    return found | ({"bodySite": [concept(site)]} if site else {})


@st.composite
def observations(draw):
    system, code = draw(
        st.sampled_from(
            [
                (LOINC, "21907-1"), (LOINC, "21908-9"), (LOINC, "97509-4"), (SCT, "52297004"),
                (LOINC, "88040-1"), (LOINC, "89247-1"), (LOINC, "85337-4"), (MEDDRA, "10055351"),
                (SCT, "91302008"), (LOINC, "777-3"),
            ]
        )
    )  # fmt: skip
    value = draw(
        st.sampled_from(
            [CM0, CM1, "1229902004", "1222837003", IMPROVED, STABLE, WORSENED, "10828004", True, False, 0, 3, 5, None,
             {"value": 45, "unit": "10*9/L"}, {"text": "PR"}, {"text": "IV"}]
        )
    )  # fmt: skip
    status = draw(st.sampled_from(["final", "preliminary", "amended", "entered-in-error", None]))
    return observation(code, value, draw(on), system, status, id=f"o{draw(st.integers(0, 99))}")


drugs = st.builds(
    building.given,
    st.sampled_from(["56946", "72965", "1601374", "224905", "1547545"]),
    on,
    kind=st.sampled_from(["MedicationAdministration", "MedicationStatement", "MedicationRequest"]),
)
operations = st.builds(
    procedure, st.sampled_from(["428571003", "429400009", "172043006", "1287742003", "367336001"]), on, side
)
records = st.tuples(
    st.builds(cancer, on, st.sampled_from(["C50.912", "C50.919", "C50.A1"])),
    st.lists(conditions() | observations() | drugs | operations, max_size=12),
).map(lambda parts: [us(), parts[0], *parts[1]])


def quietly(examples: int) -> settings:
    """The same examples on every machine; `make trust-fuzz` tries others."""
    return settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@quietly(300)
@given(records)
def test_what_is_stated_is_always_accepted(app: Flask, read, record: list[Any]) -> None:
    """A fact that broke a V-rule beside another would make the whole extraction useless."""
    found = read(*record)
    response = app.test_client().post("/v1/recommendations", json=found.facts)
    assert response.status_code == 200, (found.facts, response.get_json())
    for name in found.facts:
        assert any(path.split(".")[0] == name for path in found.provenance), name
    for each in found.data_conflicts:
        path = each["fact"].split(".")
        held = found.facts
        for part in path:
            held = held.get(part, {}) if isinstance(held, dict) else {}
        assert held == {}, "a conflict leaves the fact unknown"


@quietly(100)
@given(records, st.randoms(use_true_random=False))
def test_the_order_of_the_resources_does_not_matter(read, record: list[Any], random) -> None:
    for index, each in enumerate(record[1:]):
        each["id"] = f"r{index}" if each["id"] != "cancer" else "cancer"
    shuffled = [*record]
    random.shuffle(shuffled)
    first, second = read(*record), read(*shuffled)
    one, two = dict(first.facts), dict(second.facts)
    for facts in (one, two):
        facts["metastatic_sites"] = sorted(facts.get("metastatic_sites", ()))
    assert one == two
    assert first.subject == second.subject


@quietly(100)
@given(records)
def test_nothing_of_another_patient_is_ever_used(read, record: list[Any]) -> None:
    theirs = [dict(each, subject={"reference": "Patient/else"}) for each in record[1:]]
    alone = read(us(), cancer())
    both = read(us(), cancer(), *theirs)
    assert both.facts == alone.facts
    assert both.other_patients == ["Patient/else"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "resourceType",
                    "id",
                    "code",
                    "coding",
                    "system",
                    "subject",
                    "reference",
                    "status",
                    "extension",
                    "url",
                    "value",
                ]
            )
            | st.text(max_size=6),
            below,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@st.composite
def damaged(draw):
    """A record in which any value, however deep, may have become something else."""
    record = copy.deepcopy(draw(records))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.sampled_from(record))
        while True:
            if isinstance(place, list) and not place:
                break
            key = (
                draw(st.sampled_from(sorted(place)))
                if isinstance(place, dict)
                else draw(st.integers(0, len(place) - 1))
            )
            below = place[key]
            if not isinstance(below, dict | list) or not below or draw(st.booleans()):
                place[key] = draw(JSON)
                break
            place = below
    return record


def stated(extraction: Extraction) -> list[Any]:
    """Return what an answer shows of an extraction."""
    whose = [extraction.patient, extraction.other_patients]
    return [extraction.facts, extraction.provenance, extraction.ignored, extraction.data_conflicts, *whose]


@quietly(400)
@given(damaged())
def test_no_damage_is_fatal(app: Flask, read, record: list[Any]) -> None:
    found = read(*record)
    assert app.test_client().post("/v1/recommendations", json=found.facts).status_code == 200
    json.dumps(stated(found))


@quietly(200)
@given(JSON, st.none() | st.text(max_size=8))
def test_anything_is_answered(read, tree: Any, patient: str | None) -> None:
    json.dumps(stated(read(tree, patient=patient)))


def test_the_answer_has_the_members_of_the_contract(app: Flask) -> None:
    record = bundle(us(deceasedBoolean=True), cancer(), condition("C79.51", "2026-01-20", CM))
    answer = app.test_client().post("/v1/facts/extract", json=record).get_json()
    members = {"facts", "provenance", "breast_cancer", "ignored", "data_conflicts", "patient", "other_patients"}
    assert members <= answer.keys()
    assert not {"history_only", "deceased", "sides"} & answer.keys(), "these are for cards"
    assert set(answer["provenance"]["metastatic_status"]) == {"resource", "element", "code", "date", "why", "runner_up"}
    assert app.test_client().post("/v1/facts/extract", json=bundle(us())).get_json()["breast_cancer"] == "unknown"


def sickest(number: int) -> list[Any]:
    """Every kind of resource that is compared with every other kind, so many of each."""
    made: list[Any] = [us(), cancer()]
    for index in range(number):
        day = f"{2000 + index % 26}-{1 + index % 12:02}-{1 + index % 28:02}"
        made += [
            cancer(day, id=f"k{index}"),
            condition("52297004", day, id=f"b{index}"),
            condition("C79.51", day, CM, id=f"m{index}"),
            condition("91302008", day, id=f"s{index}"),
            procedure("428571003", day, id=f"p{index}"),
            building.given("56946", day, id=f"d{index}", status="in-progress"),
            observation("97509-4", STABLE, day, id=f"r{index}"),
            observation("21907-1", CM0, day, id=f"t{index}"),
        ]
    return made


@pytest.mark.parametrize("wrapped", [False, True])
def test_work_grows_with_the_size(read, wrapped) -> None:
    """Six times as much takes about six times as many calls; nothing is compared with everything. (The time: bench.)"""

    def calls(number: int) -> int:
        sent = sickest(number)
        sent = [bundle(*sent)] if wrapped else sent
        seen = itertools.count()
        sys.setprofile(lambda *_: next(seen))
        try:
            read(*sent)
        finally:
            sys.setprofile(None)
        return next(seen)

    calls(50)  # what is worked out once is worked out now
    assert calls(600) < 6.5 * calls(100)


def test_a_cancer_that_is_over_is_history_only(read) -> None:
    over = cancer(clinical="resolved")
    assert read(us(), over).history_only
    for more in (
        cancer(id="again"),
        condition("C79.51", "2026-05-01", CM),
        condition("C79.51", "2026-05-01", CM, clinical="remission"),
        condition("52297004", "2026-11-20"),
        condition("52297004", "2026-02-01", clinical=None),
    ):
        assert not read(us(), over, more).history_only
    assert not read(us(), cancer()).history_only
    assert not read(us(), condition("I10", system=CM)).history_only


def test_a_patient_who_died_is_told_beside_the_answer(read) -> None:
    assert read(us(deceasedBoolean=True), cancer()).deceased
    assert read(us(deceasedDateTime="2026-10-01"), cancer()).deceased
    assert not read(us(deceasedBoolean=False), cancer()).deceased
