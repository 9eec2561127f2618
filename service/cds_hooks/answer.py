"""Answer a CDS Hooks call: read the record once, evaluate it under each guideline of the service, make the cards."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from service.cds_hooks.cards import CardTarget, advice_card, uncertain_card
from service.cds_hooks.dependencies import CdsDependencies
from service.cds_hooks.detail import RecordReading, cards_of
from service.cds_hooks.fhir_server import FhirAccess, FhirServers
from service.cds_hooks.orders import Draft, select_drafts
from service.cds_hooks.prefetch import PrefetchState
from service.cds_hooks.prefetch_data import PrefetchData, collect
from service.cds_hooks.request import HookCall
from service.cds_hooks.services import HookService
from service.cds_hooks.suspicion import is_suspicious
from service.fhir.evaluation import RecordEvaluation, evaluate_record, first_emergency
from service.fhir.record import Record, read_record
from service.knowledge.cards import PrefetchItem
from service.knowledge.guideline import Guideline
from service.knowledge.model import URGENCIES
from service.knowledge.terminology import Terminology


@dataclass(frozen=True)
class CallAnswer:
    """The cards of a call. `is_repeatable`: the same call has the same cards on the same day."""

    cards: list[dict[str, Any]]
    is_repeatable: bool


class MissingDataError(Exception):
    """A required prefetch item is not at hand, and without it nothing can be said."""

    def __init__(self, items: Sequence[tuple[PrefetchItem, PrefetchState]]) -> None:
        super().__init__("required data are missing")
        self.items = items


@dataclass(frozen=True, eq=False)
class _Case:
    """A guideline of the service, its drafts in the call, and its evaluation of the record."""

    guideline: Guideline
    drafts: list[Draft]
    evaluation: RecordEvaluation


def answer_call(dependencies: CdsDependencies, service: HookService, call: HookCall, today: dt.date) -> CallAnswer:
    """Return the cards, most urgent first and at most one a guideline.

    Raises MissingDataError if a required item is missing and there is no card, and FaultsError for a prefetched value
    of a wrong type.
    """
    drafts = _drafts(dependencies, service, call)
    if not drafts:
        return CallAnswer([], is_repeatable=True)
    data = collect(
        service.prefetch, call.patient, call.prefetch, dependencies.servers, _access(dependencies.servers, call)
    )
    record = read_record(dependencies.terminology, [data.bundle], call.patient, today)
    cases = [
        _Case(guideline, drafts[guideline.release.id], evaluate_record(record, dependencies.questioners[guideline.key]))
        for guideline in service.guidelines
        if guideline.release.id in drafts
    ]
    ready = [case for case in cases if case.evaluation.is_emergency or not any(_missing_items(case, data))]
    answering: Sequence[_Case] = ready
    if service.is_shared:
        known = any(case.evaluation.is_emergency for case in cases)
        answering = _select_answering(ready, None if known else _unknown(dependencies, record, cases))
    cards = [card for case in answering for card in _cards(dependencies, service, call, case, data, today)]
    silent = [case for case in cases if case not in ready]
    missing = {item.id: (item, state) for case in silent for item, state in _missing_items(case, data)}
    if missing and not cards:
        raise MissingDataError(list(missing.values()))
    cards.sort(key=lambda card: card.rank)
    return CallAnswer([card.body for card in cards], is_repeatable=not data.is_from_server)


def is_emergency_call(dependencies: CdsDependencies, service: HookService, call: HookCall, today: dt.date) -> bool:
    """Return whether the prefetched record amounts to an emergency. No FHIR server is called.

    Raises FaultsError for a prefetched value of a wrong type.
    """
    data = collect(service.prefetch, call.patient, call.prefetch, dependencies.servers, None)
    record = read_record(dependencies.terminology, [data.bundle], call.patient, today)
    cases = [
        _Case(guideline, [], evaluate_record(record, dependencies.questioners[guideline.key]))
        for guideline in service.guidelines
    ]
    if any(case.evaluation.is_emergency for case in cases):
        return True
    return service.is_shared and _unknown(dependencies, record, cases) is not None


def _drafts(dependencies: CdsDependencies, service: HookService, call: HookCall) -> dict[str, list[Draft]]:
    """Return the drafts of each guideline by its id, without the guidelines that the drafts are not about."""
    if not call.drafts:
        return {guideline.release.id: [] for guideline in service.guidelines}
    drafts = {
        guideline.release.id: select_drafts(
            guideline.cards.orders, dependencies.terminology, call.drafts, call.selections, call.patient
        )
        for guideline in service.guidelines
        if guideline.cards is not None
    }
    return {name: selected for name, selected in drafts.items() if selected}


def _access(servers: FhirServers, call: HookCall) -> FhirAccess | None:
    """Return the server that the call may be answered from, if the operator lists it."""
    if call.fhir_server is None or not call.is_token_usable:
        return None
    base = servers.find_base(call.fhir_server)
    return None if base is None else FhirAccess(base, call.token)


def _unknown(dependencies: CdsDependencies, record: Record, cases: Sequence[_Case]) -> _Case | None:
    """Return the emergency of a cancer that is not known, as the one guideline that answers it sees it."""
    unknown = {case.guideline.key: case for case in cases if case.evaluation.subject is None}
    questioners = [dependencies.questioners[key] for key in unknown]
    emergency = first_emergency(record, questioners, dependencies.default_guideline)
    return None if emergency is None else replace(unknown[emergency.guideline.key], evaluation=emergency)


def _missing_items(case: _Case, data: PrefetchData) -> Iterator[tuple[PrefetchItem, PrefetchState]]:
    """Yield the required items without which the guideline can say nothing.

    A part of the diagnoses can show that there is a cancer, but not that there is none.
    """
    items = cards_of(case.guideline).prefetch
    unread = [(item, state) for item, state in data.unread_items(items) if item.required]
    yield from ((item, state) for item, state in unread if state is not PrefetchState.PARTIAL)
    if not case.evaluation.subject:
        yield from ((item, state) for item, state in unread if state is PrefetchState.PARTIAL)


def _select_answering(cases: Sequence[_Case], emergency: _Case | None) -> Sequence[_Case]:
    """Return the cases that answer a shared service: those whose cancer the record shows.

    `emergency` is one of a cancer that is not known. The question whether there is a cancer is asked only if the
    record shows none and there is no emergency.
    """
    certain = [case for case in cases if case.evaluation.subject]
    if emergency is not None:
        return [*certain, emergency]
    return certain or [case for case in cases if case.evaluation.subject is None]


@dataclass(frozen=True)
class _RankedCard:
    """A card with the index of its urgency. A card without advice comes last."""

    rank: int
    body: dict[str, Any]


def _cards(  # noqa: PLR0913, PLR0917 - the parts of one call
    dependencies: CdsDependencies,
    service: HookService,
    call: HookCall,
    case: _Case,
    data: PrefetchData,
    today: dt.date,
) -> Iterator[_RankedCard]:
    """Yield the card of a guideline, if it has anything to say."""
    guideline, evaluation, drafts = case.guideline, case.evaluation, case.drafts
    extraction, is_emergency = evaluation.extraction, evaluation.is_emergency
    if extraction.deceased or (extraction.history_only and not drafts):
        return
    if drafts and not is_emergency:
        drafts = [draft for draft in drafts if draft.may_be_on(extraction.sides)]
        if not drafts:
            return
    reading = RecordReading(
        extraction,
        data,
        is_overdue=today > guideline.release.review_by,
        is_subject_unknown=service.is_shared and evaluation.subject is None,
    )
    target = CardTarget(dependencies.public_url, dependencies.has_pages, service.text.id, call.patient)
    if evaluation.subject or is_emergency:
        rank = URGENCIES.index(evaluation.answer.advice.lead.urgency)
        yield _RankedCard(rank, advice_card(evaluation.answer, reading, drafts, target, dependencies.uuids))
    elif evaluation.subject is None and _is_question(case, data, dependencies.terminology):
        yield _RankedCard(len(URGENCIES), uncertain_card(guideline, reading, target, dependencies.uuids))


def _is_question(case: _Case, data: PrefetchData, terminology: Terminology) -> bool:
    """Return whether something in the record points to the cancer of the guideline."""
    extraction, findings = case.evaluation.extraction, case.guideline.vocabulary.findings
    return (
        bool(extraction.data_conflicts)
        or (findings is not None and findings.path in extraction.facts)
        or is_suspicious(cards_of(case.guideline).suspicion, terminology, data.resources)
    )
