"""Extraction for the shipped guideline, by the shipped code lists, on a fixed day."""

from collections.abc import Callable

import pytest

from service.fhir.extract import Extraction, extract
from service.fhir.record_reader import read_record
from service.knowledge.guideline import Guideline
from service.knowledge.library import Library
from tests.fhir.building import TODAY


@pytest.fixture(scope="session")
def read(library: Library, guideline: Guideline) -> Callable[..., Extraction]:
    """Read resources as they are, of the patient named or of the one there is."""

    def from_resources(*resources: object, patient: str | None = None) -> Extraction:
        return extract(read_record(library.terminology, resources, patient, TODAY), guideline)

    return from_resources
