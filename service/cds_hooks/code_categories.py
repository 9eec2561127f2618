"""Look up the codes of a FHIR concept in one code list."""

from service.facts.json_body import Json
from service.fhir.resources import codings
from service.knowledge.terminology import Concept, Terminology


def find_concepts(terminology: Terminology, code_list: str, concept: Json) -> list[Concept]:
    """Return what the code list says of each coding of the concept that it knows."""
    matches = (terminology.find(coding.system, coding.code).get(code_list) for coding in codings(concept))
    return [match for match in matches if match is not None]


def find_categories(terminology: Terminology, code_list: str, concept: Json) -> set[str]:
    """Return the categories of the concept's codings in the code list."""
    return {match.category for match in find_concepts(terminology, code_list, concept)}
