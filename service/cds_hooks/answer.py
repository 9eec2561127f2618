"""Answer a CDS Hooks call: read the record once, evaluate it under each guideline of the service, make the cards."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
from service.fhir.evaluation import RecordEvaluation, RecordEvaluations, evaluate_all, evaluate_record
from service.fhir.extract import Extraction
from service.fhir.record_reader import read_record
from service.knowledge.cards import PrefetchItem
from service.knowledge.guideline import Guideline
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


@dataclass(frozen=True)
class _Context:
    """What all cards of a call share."""

    dependencies: CdsDependencies
    service: HookService
    target: CardTarget
    drafts: dict[str, list[Draft]]
    data: PrefetchData
    today: dt.date

    def reading(self, guideline: Guideline, extraction: Extraction) -> RecordReading:
        return RecordReading(
            extraction,
            self.data,
            self.dependencies.questioners[guideline.key].wordings.words,
            is_overdue=self.today > guideline.release.review_by,
            is_subject_unknown=self.service.is_shared and extraction.subject is None,
        )

    def missing_items(
        self, guideline: Guideline, extraction: Extraction
    ) -> Iterator[tuple[PrefetchItem, PrefetchState]]:
        """Yield the required items without which the guideline can say nothing.

        A part of the diagnoses can show that there is a cancer, but not that there is none.
        """
        unread = [
            (item, state) for item, state in self.data.unread_items(cards_of(guideline).prefetch) if item.required
        ]
        yield from ((item, state) for item, state in unread if state is not PrefetchState.PARTIAL)
        if not extraction.subject:
            yield from ((item, state) for item, state in unread if state is PrefetchState.PARTIAL)


def answer_call(dependencies: CdsDependencies, service: HookService, call: HookCall, today: dt.date) -> CallAnswer:
    """Return the cards, most urgent first and at most one a guideline.

    Raises MissingDataError if a required item is missing and there is no card, and FaultsError for a prefetched value
    of a wrong type.
    """
    drafts = _drafts(dependencies, service, call)
    if not drafts:
        return CallAnswer([], is_repeatable=True)
    access = _access(dependencies.servers, call)
    data = collect(service.prefetch, call.patient, call.prefetch, dependencies.servers, access)
    target = CardTarget(dependencies.public_url, dependencies.has_pages, service.text.id, call.patient)
    context = _Context(dependencies, service, target, drafts, data, today)
    guidelines = [guideline for guideline in service.guidelines if guideline.release.id in drafts]
    evaluations = _evaluate(dependencies, service, guidelines, data, call.patient, today)
    cards = [card for evaluation in evaluations.answers for card in _advice(context, evaluation)]
    if not evaluations.answers:
        cards = [
            card
            for guideline in guidelines
            for card in _question(context, guideline, evaluations.extractions[guideline.release.id])
        ]
    if not cards:
        _check_missing(context, guidelines, evaluations)
    return CallAnswer(cards, is_repeatable=not data.is_from_server)


def is_emergency_call(dependencies: CdsDependencies, service: HookService, call: HookCall, today: dt.date) -> bool:
    """Return whether the prefetched record amounts to an emergency. No FHIR server is called.

    Raises FaultsError for a prefetched value of a wrong type.
    """
    data = collect(service.prefetch, call.patient, call.prefetch, dependencies.servers, None)
    evaluations = _evaluate(dependencies, service, service.guidelines, data, call.patient, today)
    return any(evaluation.is_emergency for evaluation in evaluations.answers)


def _drafts(dependencies: CdsDependencies, service: HookService, call: HookCall) -> dict[str, list[Draft]]:
    """Return the drafts of each guideline by its id, without the guidelines that the drafts are not about."""
    if not call.drafts:
        return {guideline.release.id: [] for guideline in service.guidelines}
    drafts = {
        guideline.release.id: select_drafts(
            cards_of(guideline).orders, dependencies.terminology, call.drafts, call.selections, call.patient
        )
        for guideline in service.guidelines
    }
    return {name: selected for name, selected in drafts.items() if selected}


def _access(servers: FhirServers, call: HookCall) -> FhirAccess | None:
    """Return the server that the call may be answered from, if the operator lists it."""
    if call.fhir_server is None or not call.is_token_usable:
        return None
    base = servers.find_base(call.fhir_server)
    return None if base is None else FhirAccess(base, call.token)


def _evaluate(  # noqa: PLR0913, PLR0917 - the parts of one call
    dependencies: CdsDependencies,
    service: HookService,
    guidelines: Sequence[Guideline],
    data: PrefetchData,
    patient: str,
    today: dt.date,
) -> RecordEvaluations:
    """Return what the guidelines of the service read in the record, and their answers, most urgent first.

    A service of one guideline answers an emergency whether or not the record shows the cancer.
    """
    record = read_record(dependencies.terminology, [data.bundle], patient, today, whole=data.is_whole)
    questioners = [dependencies.questioners[guideline.key] for guideline in guidelines]
    if service.is_shared:
        return evaluate_all(record, questioners, dependencies.default_guideline)
    (questioner,) = questioners
    evaluation = evaluate_record(record, questioner)
    is_answered = evaluation.extraction.subject or evaluation.is_emergency
    extractions = {evaluation.guideline.release.id: evaluation.extraction}
    return RecordEvaluations(extractions, [evaluation] if is_answered else [])


def _advice(context: _Context, evaluation: RecordEvaluation) -> Iterator[dict[str, Any]]:
    """Yield the card of an answer, unless data are missing or the drafts are for another side."""
    guideline, extraction, is_emergency = evaluation.guideline, evaluation.extraction, evaluation.is_emergency
    drafts = context.drafts[guideline.release.id]
    if not is_emergency and any(context.missing_items(guideline, extraction)):
        return
    if extraction.deceased or (extraction.history_only and not drafts):
        return
    if drafts and not is_emergency:
        drafts = [draft for draft in drafts if draft.may_be_on(extraction.sides)]
        if not drafts:
            return
    reading = context.reading(guideline, extraction)
    yield advice_card(evaluation.answer, reading, drafts, context.target, context.dependencies.uuids)


def _question(context: _Context, guideline: Guideline, extraction: Extraction) -> Iterator[dict[str, Any]]:
    """Yield the card that asks about the cancer of a guideline, if something in the record points to it."""
    if extraction.subject is not None or extraction.deceased or any(context.missing_items(guideline, extraction)):
        return
    drafts = context.drafts[guideline.release.id]
    if drafts and not any(draft.may_be_on(extraction.sides) for draft in drafts):
        return
    if _has_sign(guideline, extraction, context.data, context.dependencies.terminology):
        reading = context.reading(guideline, extraction)
        yield uncertain_card(guideline, reading, context.target, context.dependencies.uuids)


def _has_sign(guideline: Guideline, extraction: Extraction, data: PrefetchData, terminology: Terminology) -> bool:
    findings = guideline.vocabulary.findings
    return (
        bool(extraction.data_conflicts)
        or (findings is not None and findings.path in extraction.facts)
        or is_suspicious(cards_of(guideline).suspicion, terminology, data.resources)
    )


def _check_missing(context: _Context, guidelines: Sequence[Guideline], evaluations: RecordEvaluations) -> None:
    """Raise MissingDataError if a guideline could say nothing because of missing data."""
    emergencies = {evaluation.guideline.key for evaluation in evaluations.answers if evaluation.is_emergency}
    missing = {
        item.id: (item, state)
        for guideline in guidelines
        if guideline.key not in emergencies
        for item, state in context.missing_items(guideline, evaluations.extractions[guideline.release.id])
    }
    if missing:
        raise MissingDataError(list(missing.values()))
