"""Whether a record in which no breast cancer was found for sure points to one all the same."""

from collections.abc import Iterable, Mapping
from typing import Any

from service.fhir.resources import codings, texts, type_of
from service.knowledge.terminology import Terminology

RECEPTORS = {"er", "pr", "her2", "er_percent", "pr_percent"}


def points_to_cancer(terminology: Terminology, words: Iterable[str], resources: Iterable[Mapping[str, Any]]) -> bool:
    """A diagnosis that is coded or worded as a tumour, or a receptor of one.

    Wider than what counts as a fact, as it only brings about a question; but not every diagnosis of which the code is
    not known, or each patient of a hospital with codes of its own would be asked about.
    """
    return any(_points(terminology, tuple(words), resource) for resource in resources)


def _points(terminology: Terminology, words: tuple[str, ...], resource: Mapping[str, Any]) -> bool:
    concept = resource.get("code")
    if type_of(resource) == "Condition":
        said = " ".join(texts(concept)).lower()
        lists = ("breast_cancer", "metastases")
        return any(word in said for word in words) or any(_means(terminology, name, concept) for name in lists)
    if type_of(resource) == "Observation":
        return bool(RECEPTORS & _means(terminology, "observations", concept))
    return False


def _means(terminology: Terminology, name: str, concept: Any) -> set[str]:
    found = (terminology.concept(name, coding.system, coding.code) for coding in codings(concept))
    return {each.means for each in found if each is not None}
