"""Signs that a patient may belong to a guideline although the record does not show it for certain."""

from collections.abc import Iterable, Mapping
from typing import Any

from service.cds_hooks.code_categories import find_categories
from service.fhir.resources import texts, type_of
from service.knowledge.cards import Suspicion
from service.knowledge.terminology import Terminology


def is_suspicious(suspicion: Suspicion, terminology: Terminology, resources: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether a condition or an observation of the record is one of the signs.

    This is wider than what the extraction takes for a fact, because it only leads to a question. A diagnosis whose code
    is unknown is no sign, or every patient of a hospital with local codes would get a card.
    """
    return any(_is_sign(suspicion, terminology, resource) for resource in resources)


def _is_sign(suspicion: Suspicion, terminology: Terminology, resource: Mapping[str, Any]) -> bool:
    concept, observations = resource.get("code"), suspicion.observations
    if type_of(resource) == "Condition":
        text = " ".join(texts(concept)).lower()
        return any(word in text for word in suspicion.conditions.words) or any(
            find_categories(terminology, name, concept) for name in suspicion.conditions.code_lists
        )
    if type_of(resource) == "Observation" and observations is not None:
        categories = find_categories(terminology, observations.code_list, concept)
        return not categories.isdisjoint(observations.categories)
    return False
