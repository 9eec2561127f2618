"""The hooks of the CDS Hooks library: what their context holds, and which of it a prefetch template may name."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.conformance.rules.violation import Member

PRACTITIONERS = ("Practitioner", "PractitionerRole")
ANYBODY = (*PRACTITIONERS, "Patient", "RelatedPerson")


def _needed(name: str, kind: str) -> Member:
    return Member(name, kind, required=True, rule=f"§context.{name}")


def _optional(name: str, kind: str) -> Member:
    return Member(name, kind, required=False, rule=f"§context.{name}")


@dataclass(frozen=True)
class Hook:
    """One hook. A token is a root member of the context whose value is primitive."""

    context: tuple[Member, ...]
    users: tuple[str, ...] = PRACTITIONERS

    @property
    def tokens(self) -> frozenset[str]:
        """What stands after `context.` in a token of 2.0.1."""
        return frozenset(member.name for member in self.context if member.kind in {"string", "id", "reference"})


USER, PATIENT = _needed("userId", "reference"), _needed("patientId", "id")
ENCOUNTER = _optional("encounterId", "id")

HOOKS: Mapping[str, Hook] = {
    "patient-view": Hook((USER, PATIENT, ENCOUNTER), ANYBODY),
    "order-select": Hook(
        (USER, PATIENT, ENCOUNTER, _needed("selections", "array"), _needed("draftOrders", "bundle")),
    ),
    "order-sign": Hook((USER, PATIENT, ENCOUNTER, _needed("draftOrders", "bundle"))),
    "order-dispatch": Hook(
        (
            PATIENT,
            _needed("dispatchedOrders", "array"),
            _needed("performer", "reference"),
            _optional("fulfillmentTasks", "array"),
        ),
    ),
    "encounter-start": Hook((USER, PATIENT, _needed("encounterId", "id"))),
    "encounter-discharge": Hook((USER, PATIENT, _needed("encounterId", "id"))),
    "appointment-book": Hook((USER, PATIENT, ENCOUNTER, _needed("appointments", "bundle")), ANYBODY),
    "problem-list-item-create": Hook((USER, PATIENT, ENCOUNTER, _needed("conditions", "bundle"))),
    "allergyintolerance-create": Hook((USER, PATIENT, ENCOUNTER, _needed("allergyIntolerance", "object"))),
    "medication-refill": Hook((_optional("userId", "reference"), PATIENT, ENCOUNTER, _needed("medications", "bundle"))),
}
"""By name. Of a hook that is not here only that its context is an object can be said."""
