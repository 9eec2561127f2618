"""What the resolvers of one guideline share while they read one record."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from service.fhir.claims import Claim
from service.fhir.dates import Day
from service.fhir.record import Item, Record
from service.fhir.subject import Subject, is_about
from service.fhir.therapy import Therapy
from service.knowledge.extraction import Extraction
from service.knowledge.vocabulary import Fact, Vocabulary


@dataclass
class MetastasisEvidence:
    """The evidence for and against distant metastasis."""

    proofs: list[Claim] = field(default_factory=list)
    absences: list[Claim] = field(default_factory=list)
    doubts: list[Claim] = field(default_factory=list)
    """Evidence that proves nothing but forbids to state an absence."""
    contradictory: list[Item] = field(default_factory=list)
    """Conditions whose codes contradict one another."""
    sites: list[tuple[Claim, str | None]] = field(default_factory=list)
    proof: str = ""
    """The value that a proof states."""
    status: str | None = None
    """The value stated; None while it is unknown."""

    @property
    def first_proof(self) -> Day | None:
        """The day of the first proof, if a proof decided and any of them is dated."""
        days = [claim.day for claim in self.proofs if claim.day is not None]
        if not days or self.status != self.proof:
            return None
        return min(days, key=lambda day: (day.first, day.last))


@dataclass(frozen=True)
class InitialSites:
    """The sites of metastasis as they were when it was found."""

    sites: Sequence[str]
    claims: Sequence[Claim]
    unclear: bool
    """Whether a site is not known, or something is in doubt."""


@dataclass
class Reading:
    """One record as one guideline reads it. Resolvers read what earlier ones found, and add their evidence."""

    record: Record
    extraction: Extraction
    vocabulary: Vocabulary
    subject: Subject
    therapy: Therapy
    metastasis: dict[str, MetastasisEvidence] = field(default_factory=dict)
    """Request path -> its evidence."""
    initial_sites: dict[str, InitialSites] = field(default_factory=dict)
    """Request path -> the sites that it states."""

    @property
    def organ(self) -> str:
        """The organ in words."""
        return self.extraction.terms.organ

    @property
    def cancer(self) -> str:
        """The cancer in words."""
        return self.extraction.terms.cancer

    def days(self, window: str) -> int:
        """Return the days of a window."""
        return self.extraction.days(window)

    @property
    def therapy_days(self) -> int:
        """Days after its last dose for which a line of therapy goes on."""
        return self.days(self.extraction.therapy.line_end)

    def fact(self, path: str) -> Fact | None:
        """Return the fact at a request path."""
        return self.vocabulary.facts.get(path) or self.vocabulary.single_facts.get(path)

    def places(self, item: Item) -> set[str]:
        """Return the categories of a resource's body site."""
        return {match.category for match in item.site.hits.get(self.extraction.places.list, ())}

    def sides(self, item: Item) -> set[str]:
        """Return the sides that a resource's body site states."""
        site = item.resource.get("bodySite")
        return set() if site is None else self.record.sides(self.extraction.places.list, site)

    def why_not_about(self, item: Item) -> str:
        """Return why an Observation is not about this cancer; empty if it is."""
        return is_about(self.record, self.subject, item, self.cancer)
