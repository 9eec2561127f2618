"""Every sentence that somebody can read, read: no identifier, no removed modality, no strong verb, nothing unread.

Asked are the worked cases of every release and a sample of random patients: READING_PATIENTS of each release, 3,000 in
the long run. Of a release that is older than this test only what the engine says is read.
"""

import json
import os

import pytest

from service.advice.case_check import case_body
from service.advice.question import Answer
from service.advice.registry import GuidelineRegistry
from service.facts.json_body import parse
from service.knowledge.library import load_library
from service.settings import CONTENT
from tests.cds_hooks.hooks import ADDRESS, BREAST_CANCER, SERVICES, call, found, record
from tests.conftest import GUIDELINE, NOON
from tests.random_patients import random_patients
from tests.reading import Reader, answer_faults, card_texts, page_texts

PATIENTS = int(os.environ.get("READING_PATIENTS", "60"))
UNREAD = {("mbc-primary-lrt", "2026-11-23")}
"""Releases of which only what the engine says is read: their words are older than this test and stay as they were."""
RELEASES = [(folder.parent.name, folder.name) for folder in sorted((CONTENT / "guidelines").glob("*/*/"))]
PAGE_EVERY = 25
"""Of so many answers one is read as a page, which takes longer."""


@pytest.fixture(scope="module")
def registry():
    return GuidelineRegistry.of(load_library(CONTENT))


@pytest.fixture(scope="module")
def answers(registry):
    """The answers of a release to its worked cases and to random patients."""
    known = {}

    def of(release):
        if release not in known:
            questioner = registry.questioners[release]
            cases = [parse(case_body(case).encode()) for case in questioner.guideline.cases]
            trees = [*cases, *random_patients(questioner.guideline.vocabulary, PATIENTS, seed=21)]
            results = (questioner.ask(tree, NOON.date()) for tree in trees)
            renderer = registry.renderers[release]
            known[release] = [renderer.read(result, "full") for result in results if isinstance(result, Answer)]
        return known[release]

    return of


@pytest.fixture(scope="module")
def reader(registry):
    return lambda release: Reader(registry.questioners[release].guideline, registry.library)


def told(faults):
    """The faults, each once, the first few."""
    return "\n".join(list(dict.fromkeys(faults))[:40])


@pytest.mark.parametrize("release", RELEASES, ids=" ".join)
def test_what_the_engine_says_holds_no_identifier(answers, reader, release):
    read = reader(release)
    faults = []
    for answer in answers(release):
        lead = answer["recommendations"][0]["statement"]
        assert answer["summary"].startswith(lead)
        assert answer["summary"].count("Not known: ") <= 1
        faults += read.identifiers(answer["summary"].removeprefix(lead))
    assert not faults, told(faults)


@pytest.mark.parametrize("release", [release for release in RELEASES if release not in UNREAD], ids=" ".join)
def test_no_sentence_of_an_answer_has_a_fault(answers, reader, release):
    read = reader(release)
    faults = [fault for answer in answers(release) for fault in answer_faults(answer, read)]
    assert not faults, told(faults)


@pytest.mark.parametrize("release", [release for release in RELEASES if release not in UNREAD], ids=" ".join)
def test_no_sentence_of_the_content_that_nobody_was_told_has_a_fault(registry, reader, release):
    """What a sample may not reach: every text of rules, options, modifiers and warnings."""
    guideline, read = registry.questioners[release].guideline, reader(release)
    slots = {table.table.name for table in guideline.wording.tables} | {"rule"}
    clauses = (guideline.warnings, guideline.checks, guideline.contradictions, guideline.conflicts)
    texts = [clause.detail for collection in clauses for clause in collection.items]
    for rule in guideline.rules.values():
        parts = (rule, *rule.statements)
        texts += [text for part in parts for text in (part.statement, part.key_message) if text]
        texts += [addition.append for addition in rule.additions]
        texts += [check.text for part in (*parts, *rule.additions) for check in part.must_check]
        texts += [change.change for change in rule.what_would_change]
        texts += [reason.text for part in (rule, *rule.grades) for reason in part.certainty_reasons]
    for option in guideline.options.values():
        texts += [text for text in (option.text, option.benefit, option.harm, option.unknown) if text]
    for effect in (effect for modifier in guideline.modifiers.items for effect in modifier.effects):
        spoken = (effect.note, effect.prefix, effect.adds, effect.ends, effect.message, effect.warning)
        texts += [text for text in spoken if text]
    texts += [prefix.text for prefix in guideline.prefixes]
    bare = ["".join(" " if part in slots else part for part in text.replace("}", "{").split("{")) for text in texts]
    faults = [fault for text in bare for fault in read.faults(text)]
    assert not faults, told(faults)


@pytest.mark.parametrize("release", [release for release in RELEASES if release not in UNREAD], ids=" ".join)
def test_no_page_of_an_answer_has_a_fault_in_its_text(app, answers, reader, release):
    client, read, faults = app.test_client(), reader(release), []
    for answer in answers(release)[::PAGE_EVERY]:
        response = client.get(answer["links"]["page"])
        assert response.status_code == 200
        texts = page_texts(response.get_data(as_text=True))
        faults += [fault for text in texts for fault in read.faults(text)]
    assert not faults, told(faults)


def test_no_card_of_the_newest_release_has_a_fault(client, registry, reader, monkeypatch):
    questioner = registry.newest(GUIDELINE)
    if questioner.guideline.key in UNREAD:
        pytest.skip("the words of this release are older than this test")
    read, faults = reader(questioner.guideline.key), []
    for case in [case for case in questioner.guideline.cases if isinstance(case.facts, dict) and not case.refused][::3]:
        found(monkeypatch, case.facts)
        body = call("patient-view", record(BREAST_CANCER))
        cards = client.post(f"{ADDRESS}{SERVICES['patient-view']}", json=body).get_json()
        faults += [fault for text in card_texts(cards) for fault in read.faults(text)]
    assert not faults, told(faults)


# ---- the reader itself


@pytest.mark.parametrize(
    ("text", "identifiers"),
    [
        ("Take the next step at once.", []),
        ("Send chemotherapy_response.overall again.", ["chemotherapy_response.overall"]),
        ("See NO_PRIMARY_TO_TREAT.", ["NO_PRIMARY_TO_TREAT"]),
        ("R05 holds at C2A.", ["R05", "C2A"]),
        ("A trial agrees (BADWE15).", ["BADWE15"]),
        ("JCOG1017 and NCT00193778 agree.", []),
        ("See /v1/facts and M1 disease with PR.", []),
    ],
)
def test_the_reader_finds_identifiers_and_leaves_names_of_trials(reader, text, identifiers):
    assert list(dict.fromkeys(reader(("mbc-primary-lrt", "2026-11-23")).identifiers(text)))[
        : len(identifiers) or 1
    ] == (identifiers)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"statement": "Do not offer an operation."}, "strong verb"),
        ({"statement": "Must be stopped."}, "strong verb"),
        ({"statement": "Do not wait.", "strength": "strong"}, None),
        ({"statement": "Offer surgery, or wait."}, "surgery is removed"),
        ({"statement": "Offer radiotherapy; cancer that has not responded is not operated on."}, None),
        ({"statement": "Offer wound care."}, None),
    ],
)
def test_the_reader_finds_strong_verbs_and_removed_modalities(answers, reader, change, fault):
    release = ("mbc-primary-lrt", "2026-11-23")
    answer = json.loads(json.dumps(answers(release)[0]))
    item = {"direction": "for", "strength": "conditional", "removed": [{"kind": "surgery", "because": []}]} | change
    answer["recommendations"] = [answer["recommendations"][0] | item]
    faults = [
        each for each in answer_faults(answer, reader(release)) if each.startswith(("strong", "surgery", "radio"))
    ]
    assert (faults == []) if fault is None else faults[0].startswith(fault)
