"""Evaluate the record of a call under each guideline of a service."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from service.advice.question import Answer, Questioner, Refused
from service.cds_hooks.prefetch_data import PrefetchData
from service.fhir.extract import Extraction, extract
from service.knowledge.terminology import Terminology


@dataclass(frozen=True)
class RecordEvaluation:
    """What one guideline reads in a record, and its advice."""

    extraction: Extraction
    answer: Answer

    @property
    def subject(self) -> bool | None:
        """Whether the record shows the cancer of the guideline. None is unknown."""
        return self.extraction.breast_cancer

    @property
    def is_emergency(self) -> bool:
        """Whether the facts amount to an emergency."""
        return self.answer.advice.decision.emergency


def evaluate_record(
    terminology: Terminology, questioners: Iterable[Questioner], data: PrefetchData, patient: str, today: dt.date
) -> list[RecordEvaluation]:
    """Return for each guideline the facts that it reads in the record, and its answer to them."""
    return [
        _evaluate(extract(terminology, [data.bundle], patient, today), questioner, today) for questioner in questioners
    ]


def _evaluate(extraction: Extraction, questioner: Questioner, today: dt.date) -> RecordEvaluation:
    answer = questioner.ask(dict(extraction.facts), today)
    if isinstance(answer, Refused):
        raise TypeError("the extracted facts were refused")
    return RecordEvaluation(extraction, answer)
