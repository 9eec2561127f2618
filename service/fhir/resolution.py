"""What reading a record comes to: facts with their provenance, conflicts, and what was not used and why."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from service.fhir.record import Item


@dataclass
class Resolution:
    """The outcome of one resolver, or of all of them together."""

    facts: dict[str, Any] = field(default_factory=dict)
    """Exactly a body for POST /v1/recommendations; only what was found."""
    provenance: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Request path -> {resource, element, code, date, why, runner_up}."""
    ignored: dict[tuple[str, str], None] = field(default_factory=dict)
    """(resource, reason) of what was not used; each pair once, in the order in which it was met."""
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    """{fact, values, resources, detail}; the fact stays unknown."""

    def ignore(self, label: str, reason: str) -> None:
        """Report what was not used and why."""
        self.ignored[label, reason] = None

    def conflict(self, fact: str, values: Iterable[Any], items: Iterable["Item"], detail: str) -> None:
        """Report that sources disagree; the fact stays unknown."""
        self.conflicts.append(
            {
                "fact": fact,
                "values": list(dict.fromkeys(values)),
                "resources": list(dict.fromkeys(item.label for item in items)),
                "detail": detail,
            }
        )

    def add(self, other: "Resolution") -> None:
        """Take over what another resolver came to."""
        self.facts |= other.facts
        self.provenance |= other.provenance
        self.ignored |= other.ignored
        self.conflicts += other.conflicts
