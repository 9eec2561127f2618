"""A record as every guideline answers it: read once, evaluated by each guideline whose cancer it shows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from service.advice.question import Answer, Questioner, Refused
from service.fhir.extract import Extraction, extract
from service.fhir.record import Record
from service.knowledge.guideline import Guideline
from service.knowledge.model import URGENCIES


@dataclass(frozen=True)
class RecordEvaluation:
    """What one guideline reads in a record, and its answer to that."""

    extraction: Extraction
    answer: Answer

    @property
    def subject(self) -> bool | None:
        """Whether the record shows the cancer of the guideline; None is unknown."""
        return self.extraction.subject

    @property
    def guideline(self) -> Guideline:
        """The release that answers."""
        return self.answer.advice.guideline

    @property
    def is_emergency(self) -> bool:
        """Whether the answer is an emergency pathway."""
        return self.answer.advice.decision.emergency

    @property
    def rank(self) -> tuple[int, str]:
        """The place among the answers to a record: the most urgent first, then by the guideline's id."""
        return URGENCIES.index(self.answer.advice.lead.urgency), self.guideline.release.id


def evaluate_record(record: Record, questioner: Questioner) -> RecordEvaluation:
    """Return what a guideline reads in a record, and its answer."""
    return _evaluate(extract(record, questioner.guideline), questioner, record)


def evaluate_emergency(record: Record, questioner: Questioner) -> RecordEvaluation | None:
    """Return the emergency that the record would be if its unknown cancer were the guideline's; None for no emergency.

    Only findings and the facts of the person are read for it: nothing else is assumed of a cancer that is not known.
    """
    evaluation = _evaluate(extract(record, questioner.guideline, assume_subject=True), questioner, record)
    return evaluation if evaluation.is_emergency else None


@dataclass(frozen=True)
class RecordEvaluations:
    """What all guidelines read in a record."""

    extractions: Mapping[str, Extraction]
    """By the guideline's id."""
    answers: Sequence[RecordEvaluation]
    """Of each guideline whose cancer the record shows, the most urgent first; of an unknown cancer one emergency."""


def evaluate_all(record: Record, questioners: Iterable[Questioner], default: str) -> RecordEvaluations:
    """Evaluate a record by each guideline that reads records.

    An emergency is answered although its cancer is not known, once: by the guideline `default` if it is among those
    that would answer so, else by the first id.
    """
    questioners = [candidate for candidate in questioners if candidate.guideline.extraction is not None]
    evaluations = [evaluate_record(record, questioner) for questioner in questioners]
    extractions = {evaluation.guideline.release.id: evaluation.extraction for evaluation in evaluations}
    answers = [evaluation for evaluation in evaluations if evaluation.extraction.subject]
    if not any(evaluation.is_emergency for evaluation in answers):
        unknown = [
            candidate for candidate in questioners if extractions[candidate.guideline.release.id].subject is None
        ]
        if emergency := first_emergency(record, unknown, default):
            answers.append(emergency)
    return RecordEvaluations(extractions, sorted(answers, key=lambda evaluation: evaluation.rank))


def first_emergency(record: Record, questioners: Iterable[Questioner], default: str) -> RecordEvaluation | None:
    """Return the emergency of a cancer that is not known: that of `default` if it sees one, else of the first id."""
    by_id = sorted(questioners, key=lambda each: (each.guideline.release.id != default, each.guideline.release.id))
    emergencies = (evaluate_emergency(record, questioner) for questioner in by_id)
    return next((emergency for emergency in emergencies if emergency is not None), None)


def _evaluate(extraction: Extraction, questioner: Questioner, record: Record) -> RecordEvaluation:
    answer = questioner.ask(dict(extraction.facts), record.today)
    if isinstance(answer, Refused):
        raise TypeError("the extracted facts were refused")
    return RecordEvaluation(extraction, answer)
