"""Extraction by the shipped code lists, on a fixed day."""

from collections.abc import Callable

import pytest

from service.fhir.extract import Extraction, extract
from service.knowledge.library import Library
from service.knowledge.terminology import Terminology
from tests.fhir.building import TODAY


@pytest.fixture(scope="session")
def terminology(library: Library) -> Terminology:
    """The shipped code lists."""
    return library.terminology


@pytest.fixture(scope="session")
def read(terminology: Terminology) -> Callable[..., Extraction]:
    """Read resources as they are, of the patient named or of the one there is."""

    def from_resources(*resources: object, patient: str | None = None) -> Extraction:
        return extract(terminology, resources, patient, TODAY)

    return from_resources
