"""The EHR door: CDS Hooks discovery and services. What broke is never told as "nothing to say"."""

from dataclasses import dataclass
from typing import Any

import orjson
from flask import Blueprint, Response, g

from service.advice.question import Answer, Questioner, Refused
from service.api.access import CDS, scope
from service.api.answers import cache
from service.api.body import FHIR_JSON, JSON, parse_json, read_body
from service.api.extract import TIMES_ONE
from service.api.here import this_app
from service.api.json_out import fresh, json_response
from service.api.knowledge import knowledge, overdue, settings
from service.api.limits import EmergencyTest
from service.api.problems import Problem, malformed
from service.cds_hooks.card_uuid import CardUuids
from service.cds_hooks.cards import Place, advice_card, uncertain_card
from service.cds_hooks.detail import Findings
from service.cds_hooks.fhir_server import Access, FhirServers
from service.cds_hooks.orders import Draft, select_drafts
from service.cds_hooks.prefetch_data import Gathered, gather
from service.cds_hooks.request import Call, lasting, read_call
from service.cds_hooks.suspicion import is_suspicious
from service.facts.json_body import pointer
from service.facts.refusal import FaultsError
from service.fhir.extract import Extraction, extract
from service.knowledge.cards import Cards, ServiceText

blueprint = Blueprint("cds_services", __name__)

EXAMPLE = {"hook": "patient-view", "hookInstance": "<uuid>", "context": {"userId": "Practitioner/1", "patientId": "1"}}
SPECIFICATION = "2.0.1"
"""Of CDS Hooks; 3.0 asks for it in discovery, 2.0.1 allows it."""


@dataclass(frozen=True)
class Door:
    """What the views share: made once by create_app."""

    servers: FhirServers
    uuids: CardUuids


def door() -> Door:
    """The door of the running application."""
    found: Door = this_app().config["CDS_DOOR"]
    return found


@blueprint.get("/cds-services")
@scope(CDS)
def discovery() -> Response:
    """What can be called, and what to prefetch for it."""
    cards = _offering(_asked())
    services = [] if cards is None else [_described(cards, service) for service in cards.services]
    return fresh(json_response({"services": services}))


@blueprint.post("/cds-services/<service>")
@scope(CDS)
def call(service: str) -> Response:
    """Answer a hook with a card, or with none where there is nothing to say."""
    questioner, cards, index = offered(service)
    limit, hook = settings().max_body_bytes * TIMES_ONE, cards.services[index].hook
    emergency = _emergency_test(questioner, cards, hook)
    body = read_body(limit, JSON, FHIR_JSON, example=EXAMPLE, emergency=emergency)
    # All that an answer depends on: how old a finding is counts. A chart is opened again and again.
    said = repr((service, g.get("caller"), settings().today())).encode()
    key = cache().locked.key(said, *lasting(body))
    kept = cache().locked.get(key)
    if kept is not None:
        g.cache, written = "near", door().uuids.renewed(kept)
    else:
        told, again = _answered(questioner, cards, body, index)
        written = orjson.dumps({"cards": told})
        if again:
            cache().locked.put(key, door().uuids.without(written))
    return fresh(Response(written, mimetype=JSON))


def _answered(questioner: Questioner, cards: Cards, body: bytes, index: int) -> tuple[list[dict[str, Any]], bool]:
    """The cards for a call, and whether the same call has the same ones."""
    tree = parse_json(body)
    hook = cards.services[index].hook
    try:
        asked = read_call(tree, hook)
    except FaultsError as error:
        # An example of the specification names no patient and brings nothing along: a datum is missing, no rule broken.
        nobody = [fault.pointer for fault in error.faults] == ["/context/patientId"] and not (
            "patientId" in tree["context"] or "prefetch" in tree
        )
        raise malformed(error.faults, "missing-data" if nobody else "bad-request") from None
    drafts: list[Draft] = []
    if asked.drafts:
        terminology = knowledge().library.terminology
        drafts = select_drafts(cards.orders, terminology, asked.drafts, asked.selections, asked.patient)
        if not drafts:
            return [], True
    record = gather(cards, asked.patient, asked.prefetch, door().servers, _access(asked))
    extraction, answer = _asked_about(questioner, asked, record)
    _refuse_what_cannot_be_said(record, extraction, answer)
    findings = Findings(extraction, record, overdue(questioner.guideline, settings().today()))
    place = Place(settings().public_url, settings().pages, index, asked.patient)
    return _cards(cards, answer, findings, drafts, place), not record.from_server


def _emergency_test(questioner: Questioner, cards: Cards, hook: str) -> EmergencyTest:
    """Whether what a call brought along amounts to an emergency. No FHIR server is asked for that."""

    def test(body: bytes) -> bool:
        try:
            asked = read_call(parse_json(body), hook)
            record = gather(cards, asked.patient, asked.prefetch, door().servers, None)
        except (FaultsError, Problem):
            return False
        _, answer = _asked_about(questioner, asked, record)
        return answer.advice.decision.emergency

    return test


def offered(service: str) -> tuple[Questioner, Cards, int]:
    """Who answers a service, the words for it, and its place among the services; or 404."""
    questioner = _asked()
    cards = _offering(questioner)
    ids = [] if cards is None else [each.id for each in cards.services]
    if cards is None or service not in ids:
        raise Problem("not-found", f"There is no such service. Known: {', '.join(ids) or 'none'}.")
    return questioner, cards, ids.index(service)


def _offering(questioner: Questioner) -> Cards | None:
    """The words of the cards, if there are any, and codes to read records by."""
    return questioner.guideline.cards if knowledge().library.terminology else None


def _cards(cards: Cards, answer: Answer, findings: Findings, drafts: list[Draft], place: Place) -> list[dict[str, Any]]:
    extraction, guideline = findings.extraction, answer.advice.guideline
    emergency = answer.advice.decision.emergency
    if extraction.deceased or (extraction.history_only and not drafts):
        return []
    if drafts and not emergency:
        drafts = [draft for draft in drafts if draft.may_be_on(extraction.sides)]
        if not drafts:
            return []
    if extraction.breast_cancer or emergency:
        return [advice_card(answer, findings, drafts, place, door().uuids)]
    found = extraction.data_conflicts or "complications" in extraction.facts
    if extraction.breast_cancer is None and (
        found or is_suspicious(cards.suspicion, knowledge().library.terminology, findings.record.resources)
    ):
        return [uncertain_card(guideline, findings, place, door().uuids)]
    return []


def _asked_about(questioner: Questioner, asked: Call, record: Gathered) -> tuple[Extraction, Answer]:
    """What is read out of a record, and what the guideline says of it."""
    today = settings().today()
    extraction = extract(knowledge().library.terminology, [record.bundle], asked.patient, today)
    answer = questioner.ask(dict(extraction.facts), today)
    if isinstance(answer, Refused):
        raise TypeError("the extracted facts were refused")
    return extraction, answer


def _refuse_what_cannot_be_said(record: Gathered, extraction: Extraction, answer: Answer) -> None:
    """412 where a required datum is missing, unless what is there amounts to an emergency.

    A part of the diagnoses shows that there is a breast cancer, but not that there is none.
    """
    lacking = list(record.lacking)
    if not extraction.breast_cancer:
        lacking += record.partial
    if not lacking or answer.advice.decision.emergency:
        return
    names = ", ".join(datum.title for datum in lacking)
    errors = [
        {
            "pointer": pointer("prefetch", datum.id),
            "code": "missing_data",
            "detail": f"{datum.title}: {record.states[datum].value}. Asked for by {datum.query}",
        }
        for datum in lacking
    ]
    raise Problem("missing-data", f"Without it no advice can be given: {names}.", errors)


def _access(asked: Call) -> Access | None:
    """Where the call may be answered from, if its server is one of those listed."""
    if asked.fhir_server is None or not asked.token_usable:
        return None
    base = door().servers.listed(asked.fhir_server)
    return None if base is None else Access(base, asked.token)


def _described(cards: Cards, service: ServiceText) -> dict[str, Any]:
    return {
        "id": service.id,
        "hook": service.hook,
        "title": service.title,
        "description": service.description,
        "prefetch": {datum.id: datum.query for datum in cards.prefetch},
        "usageRequirements": cards.usage_requirements,
        "version": SPECIFICATION,
    }


def _asked() -> Questioner:
    return knowledge().newest(settings().guideline)
