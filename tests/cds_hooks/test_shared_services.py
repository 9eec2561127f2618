"""Services that ask all guidelines: one record, at most one card a guideline, the most urgent first."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask

from service import create_app
from service.fhir.extract import Extraction
from service.fhir.record import Record
from service.fhir.record_reader import read_record
from service.knowledge.guideline import Guideline
from service.knowledge.library import load_library
from service.knowledge.yaml_file import ContentError
from service.settings import Settings
from tests.api.asking import RESPONDER, is_outcome
from tests.cds_hooks.hooks import (
    ADA,
    ADDRESS,
    BREAST_CANCER,
    EMERGENCY,
    M1,
    MASTECTOMY,
    PATIENT,
    SERVICES,
    SHARED,
    bundle,
    call,
    check_answer,
    orders,
    outcome,
    record,
    service_request,
    told,
)
from tests.conftest import GUIDELINE, NOON, RedisServer
from tests.content import copy_release

RELEASE = "2026-11-23"
OTHER = "bowel"
"""A copy of the shipped guideline about other orders. Its id sorts first."""
ULCER = RESPONDER | {"complications": {"ulceration": {"presence": "present", "grade": 3}}}
COLECTOMY = service_request({"text": "Colectomy"})
Subject = tuple[dict[str, Any], bool | None]
"""The facts of a guideline, and whether the record shows its cancer."""
Post = Callable[..., list[dict[str, Any]]]


def copy_guideline(content: Path) -> Path:
    """Add the copy to a content folder; gives its cards.yaml."""
    folder = content / "guidelines" / OTHER / RELEASE
    shutil.copytree(content / "guidelines" / GUIDELINE / RELEASE, folder)
    file = folder / "guideline.yaml"
    file.write_text(file.read_text().replace(f"id: {GUIDELINE}", f"id: {OTHER}", 1))
    file = folder / "cards.yaml"
    cards = yaml.load(file.read_text(), yaml.BaseLoader)  # noqa: S506 - it makes strings only
    cards["services"] = {name.replace(GUIDELINE, OTHER): text for name, text in cards["services"].items()}
    cards["prefetch"]["allergies"] = {
        "query": "AllergyIntolerance?patient={{context.patientId}}",
        "title": "allergies (AllergyIntolerance)",
    }
    cards["uncertain"]["summary"] = "Is this bowel cancer?"
    cards["orders"]["site"] = {"words": ["bowel"]}
    kinds = cards["orders"]["kinds"]
    kinds["surgery"] = {"title": "bowel surgery", "categories": ["biopsy"], "phrases": ["colectomy"]}
    kinds["radiotherapy"] = {"title": "bowel radiotherapy", "categories": ["radiotherapy_history"]}
    cards["override_reasons"]["codes"] = {"stoma-first": "A stoma comes first"}
    file.write_text(yaml.safe_dump(cards, allow_unicode=True, sort_keys=False))
    return file


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copy_release(tmp_path_factory.mktemp("two") / "content", RELEASE)
    copy_guideline(folder)
    return folder


@pytest.fixture(scope="module")
def both(content: Path) -> Flask:
    """The service with two guidelines; GUIDELINE is the shipped one, which does not sort first."""
    return create_app(Settings(content=content, clock=lambda: NOON, log_level="error", near_cache_bytes=0))


@pytest.fixture
def post(both: Flask) -> Post:
    """POST a call to the shared service of its hook; gives the cards, or with a status the OperationOutcome."""

    def send(body: dict[str, Any], status: int = 200, app: Flask = both) -> Any:
        response = app.test_client().post(f"{ADDRESS}{SHARED[body['hook']]}", json=body)
        if status != 200:
            return is_outcome(response, status)
        assert response.status_code == 200, response.get_data(as_text=True)
        return check_answer(response.get_json(), max_cards=2)

    return send


@pytest.fixture
def shows(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let each guideline read these facts in the record, whatever is sent."""

    def patch(**subjects: Subject) -> None:
        by_id = {OTHER: subjects["bowel"], GUIDELINE: subjects["breast"]}

        def extraction(_: Any, guideline: Guideline, **__: Any) -> Extraction:
            facts, subject = by_id[guideline.release.id]
            return Extraction(facts, subject=subject)

        monkeypatch.setattr("service.fhir.evaluation.extract", extraction)

    return patch


def of(cards: list[dict[str, Any]]) -> list[str]:
    """The guidelines of the cards, in their order."""
    return [card["source"]["url"].rpartition("/")[2] for card in cards]


VIEW = call(prefetch=record(BREAST_CANCER, M1))


# ---- discovery


def test_discovery_lists_the_services_of_each_guideline_and_the_shared_ones(both: Flask) -> None:
    services = both.test_client().get("/cds-services").get_json()["services"]
    own = [name.replace(GUIDELINE, OTHER) for name in SERVICES.values()]
    assert [service["id"] for service in services] == [*own, *SERVICES.values(), *SHARED.values()]


def test_a_shared_service_prefetches_what_any_guideline_needs_and_each_key_once(both: Flask) -> None:
    services = {each["id"]: each for each in both.test_client().get("/cds-services").get_json()["services"]}
    bowel, breast = (services[f"{name}-patient-view"]["prefetch"] for name in (OTHER, GUIDELINE))
    assert "allergies" in bowel.keys() - breast.keys()
    for name in SHARED.values():
        assert services[name]["prefetch"] == bowel | breast


# ---- whose card, in which order


def test_the_most_urgent_card_comes_first(post: Post, shows: Any) -> None:
    shows(bowel=(RESPONDER, True), breast=(ULCER, True))
    assert of(post(VIEW)) == [GUIDELINE, OTHER]
    shows(bowel=(ULCER, True), breast=(RESPONDER, True))
    assert of(post(VIEW)) == [OTHER, GUIDELINE]


def test_equal_urgency_is_ordered_by_guideline_id(post: Post, shows: Any) -> None:
    shows(bowel=(RESPONDER, True), breast=(RESPONDER, True))
    assert of(post(VIEW)) == sorted([GUIDELINE, OTHER])


@pytest.mark.parametrize("subject", [False, None])
def test_only_guidelines_whose_cancer_the_record_shows_answer(post: Post, shows: Any, *, subject: bool | None) -> None:
    """The words of one cancer are not a question about another."""
    shows(bowel=({}, subject), breast=(RESPONDER, True))
    assert of(post(VIEW)) == [GUIDELINE]


def test_a_record_without_a_cancer_brings_no_card_or_the_questions_that_its_signs_raise(post: Post, shows: Any) -> None:
    shows(bowel=({}, False), breast=({}, False))
    assert post(VIEW) == []
    shows(bowel=({}, None), breast=({}, None))
    assert post(call(prefetch=record())) == []
    cards = post(VIEW)
    assert of(cards) == [OTHER, GUIDELINE]
    assert {card["indicator"] for card in cards} == {"info"}


def test_the_card_is_the_one_of_the_guidelines_own_service(both: Flask, post: Post) -> None:
    """Its UUIDs name the shared service, all else is equal."""
    response = both.test_client().post(f"{ADDRESS}{SERVICES['patient-view']}", json=VIEW)
    (own,) = check_answer(response.get_json())
    (shared,) = [card for card in post(VIEW) if of([card]) == [GUIDELINE]]
    read = both.config["CDS"].uuids.read
    assert read(own["uuid"]).service == SERVICES["patient-view"]
    assert read(shared["uuid"]).service == SHARED["patient-view"]
    assert read(shared["uuid"]).rule == read(own["uuid"]).rule
    for card in (own, shared):
        for part in (card, *card["suggestions"]):
            del part["uuid"]
    assert shared == own


def test_the_record_is_read_once_for_all_guidelines(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Record] = []

    def read(*sent: Any, **more: Any) -> Record:
        reads.append(read_record(*sent, **more))
        return reads[-1]

    monkeypatch.setattr("service.cds_hooks.answer.read_record", read)
    assert of(post(VIEW)) == [OTHER, GUIDELINE]
    assert len(reads) == 1


# ---- emergencies of an unknown cancer

NOT_KNOWN = "does not show for certain which cancer"


def test_an_emergency_of_an_unknown_cancer_is_answered_once_by_the_default_guideline(post: Post, shows: Any) -> None:
    shows(bowel=(EMERGENCY, None), breast=(EMERGENCY, None))
    (card,) = post(VIEW)
    assert of([card]) == [GUIDELINE]
    assert card["indicator"] == "critical"
    assert NOT_KNOWN in card["detail"]


@pytest.mark.parametrize("subject", [False, None])
def test_without_the_default_the_first_guideline_answers_the_emergency(
    post: Post, shows: Any, *, subject: bool | None
) -> None:
    shows(bowel=(EMERGENCY, None), breast=({}, subject))
    (card,) = post(VIEW)
    assert of([card]) == [OTHER]
    assert NOT_KNOWN in card["detail"]


def test_an_emergency_of_a_cancer_that_is_shown_is_not_answered_twice(post: Post, shows: Any) -> None:
    shows(bowel=(EMERGENCY, True), breast=(EMERGENCY, None))
    (card,) = post(VIEW)
    assert of([card]) == [OTHER]
    assert NOT_KNOWN not in card["detail"]


def test_an_emergency_that_the_cancer_shown_does_not_explain_comes_first(post: Post, shows: Any) -> None:
    shows(bowel=(EMERGENCY, None), breast=(RESPONDER, True))
    assert of(post(VIEW)) == [OTHER, GUIDELINE]


def test_an_emergency_is_answered_whatever_data_are_missing(post: Post, shows: Any) -> None:
    shows(bowel=({}, None), breast=(EMERGENCY, None))
    assert of(post(call())) == [GUIDELINE]


# ---- orders


def test_only_guidelines_that_a_draft_is_about_answer(post: Post, shows: Any) -> None:
    shows(bowel=(RESPONDER, True), breast=(RESPONDER, True))
    for hook in ("order-select", "order-sign"):
        for drafts, answering in (
            ([MASTECTOMY], [GUIDELINE]),
            ([COLECTOMY], [OTHER]),
            ([MASTECTOMY, {**COLECTOMY, "id": "order-2"}], [OTHER, GUIDELINE]),
            ([service_request({"text": "Bone scan"})], []),
        ):
            context = orders(*drafts, select=hook == "order-select")
            assert of(post(call(hook, record(BREAST_CANCER), context=context))) == answering


def test_an_order_that_no_guideline_is_about_needs_no_data(post: Post) -> None:
    assert post(call("order-sign", context=orders(service_request({"text": "Bone scan"})))) == []


# ---- missing data


def test_a_missing_datum_is_named_once(post: Post) -> None:
    issues = post(call(), 412)["issue"]
    text = told({"issue": issues})
    assert text.count("At /prefetch/conditions") == text.count("At /prefetch/patient") == 1


def test_a_part_of_the_diagnoses_is_enough_for_the_cancer_that_it_shows(post: Post, shows: Any) -> None:
    conditions = {**bundle(BREAST_CANCER), "total": 40}
    shows(bowel=({}, False), breast=(RESPONDER, True))
    assert of(post(call(prefetch=record() | {"conditions": conditions}))) == [GUIDELINE]
    shows(bowel=({}, False), breast=({}, False))
    assert "(Condition): partial" in told(post(call(prefetch=record() | {"conditions": conditions}), 412))


def test_each_card_names_the_unread_data_of_its_own_guideline(post: Post, shows: Any) -> None:
    shows(bowel=(RESPONDER, True), breast=(RESPONDER, True))
    bowel, breast = post(call(prefetch=record(BREAST_CANCER) | {"allergies": outcome("error")}))
    assert "allergies (AllergyIntolerance): the search failed" in bowel["detail"]
    assert "allergies" not in breast["detail"]


# ---- feedback


def test_feedback_belongs_to_the_guideline_of_the_card_whichever_service_it_came_by(
    content: Path, lasting_redis: RedisServer, post: Post, shows: Any
) -> None:
    """The reasons are those that the card offered; one of another guideline is "other"."""
    lasting_redis.renew()
    app = create_app(
        Settings(content=content, clock=lambda: NOON, log_level="error", redis_state_url=lasting_redis.url)
    )
    shows(bowel=(RESPONDER, True), breast=(RESPONDER, True))
    for card in post(VIEW, app=app):
        for service in (SHARED["patient-view"], SERVICES["patient-view"]):
            feedback = [
                {
                    "card": card["uuid"],
                    "outcome": "overridden",
                    "overrideReason": {"reason": {"code": code}},
                    "outcomeTimestamp": f"2026-11-23T10:{minute}:{len(service)}Z",
                }
                for minute, code in enumerate(("stoma-first", "patient-wishes-otherwise"), 10)
            ]
            response = app.test_client().post(f"{ADDRESS}{service}/feedback", json={"feedback": feedback})
            assert response.status_code == 200
    rules = app.test_client().get("/v1/feedback/summary").get_json()["rules"]
    assert {rule["guideline"]: rule["reasons"] for rule in rules} == {
        OTHER: {"stoma-first": 2, "other": 2},
        GUIDELINE: {"patient-wishes-otherwise": 2, "other": 2},
    }


# ---- loading

BROKEN = {
    "a key with two queries": (
        "Procedure?patient={{context.patientId}}&_count=200",
        "Procedure?patient={{context.patientId}}",
        "the key procedures has another query in",
    ),
    "an id of another guideline": (
        f"{OTHER}-patient-view:",
        f"{GUIDELINE}-patient-view:",
        f"this id is a service of {OTHER}",
    ),
    "an id of the shared services": (
        f"{OTHER}-order-sign:",
        "oncology-order-sign:",
        "this id is a service of all guidelines",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_cards_that_cannot_be_offered_side_by_side_do_not_load(tmp_path: Path, what: str) -> None:
    before, after, fault = BROKEN[what]
    file = copy_guideline(copy_release(tmp_path / "content", RELEASE))
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))
    with pytest.raises(ContentError) as refused:
        load_library(tmp_path / "content")
    assert "cards.yaml" in str(refused.value)
    assert fault in str(refused.value)


def test_what_all_guidelines_need_is_read_from_the_server_once(
    content: Path, monkeypatch: pytest.MonkeyPatch, shows: Any
) -> None:
    server = "https://fhir.example/r4"
    app = create_app(
        Settings(content=content, clock=lambda: NOON, log_level="error", fhir_servers=(server,), near_cache_bytes=0)
    )
    reads: list[list[str]] = []

    def read(_self: Any, _access: Any, patient: str, items: Any) -> dict[str, Any]:
        assert patient == PATIENT
        reads.append([item.id for item in items])
        return {}

    monkeypatch.setattr("service.cds_hooks.fhir_server.FhirServers.read", read)
    shows(bowel=(RESPONDER, True), breast=(RESPONDER, True))
    body = call(prefetch={"patient": ADA, "conditions": bundle(BREAST_CANCER)}, fhirServer=server)
    body["fhirAuthorization"] = {"access_token": "a-token"}
    response = app.test_client().post(f"{ADDRESS}{SHARED['patient-view']}", json=body)
    assert len(response.get_json()["cards"]) == 2
    (items,) = reads
    assert "allergies" in items
    assert len(items) == len(set(items))
