"""The loaded guidelines: find one by id and release, evaluate it, answer a decision_id again."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from service.advice.question import Answer, Questioner
from service.advice.release_diff import ComparisonCache
from service.advice.render import Renderer
from service.facts import identifier
from service.facts.identifier import Identifier
from service.knowledge.guideline import Guideline
from service.knowledge.library import Library
from service.knowledge.model import Rule


class NotFoundError(LookupError):
    """Nothing has this name. The message lists the known names where that helps."""


class GoneError(LookupError):
    """The release that a decision_id names is no longer loaded."""


@dataclass(frozen=True)
class GuidelineRegistry:
    """All loaded guidelines, with one evaluator and one renderer for each release."""

    library: Library
    questioners: Mapping[tuple[str, str], Questioner]
    renderers: Mapping[tuple[str, str], Renderer]
    comparisons: ComparisonCache = field(default_factory=ComparisonCache)

    @classmethod
    def of(cls, library: Library) -> "GuidelineRegistry":
        """Make the evaluators and renderers of a library."""
        releases = [guideline for by_release in library.guidelines.values() for guideline in by_release.values()]
        return cls(
            library,
            {guideline.key: Questioner(guideline) for guideline in releases},
            {guideline.key: Renderer(guideline) for guideline in releases},
        )

    def renderer(self, answer: Answer) -> Renderer:
        """Return the renderer of the release that gave an answer."""
        return self.renderers[answer.advice.guideline.key]

    def newest(self, guideline: str) -> Questioner:
        """Return the newest release of a guideline. Raises NotFoundError."""
        newest = self.library.newest(guideline)
        if newest is None:
            raise NotFoundError(f"There is no such guideline. Known: {', '.join(self.library.guidelines)}.")
        return self.questioners[newest.key]

    def newest_of_each(self, first: str) -> list[Questioner]:
        """Return the newest release of every guideline: `first`, then the others in the order of their ids."""
        ids = sorted(self.library.guidelines, key=lambda guideline: (guideline != first, guideline))
        return [self.newest(guideline) for guideline in ids]

    def release(self, guideline: str, release: str) -> Questioner:
        """Return one release of a guideline, or with "latest" the newest. Raises NotFoundError."""
        newest = self.newest(guideline)
        if release in {"latest", newest.guideline.release.release}:
            return newest
        older = self.library.find(guideline, release)
        if older is None:
            known = ", ".join(sorted(self.library.guidelines[guideline]))
            raise NotFoundError(f"There is no such release of this guideline. Known: {known}.")
        return self.questioners[older.key]

    def pair(self, guideline: str, before: str | None, after: str | None) -> tuple[Questioner, Questioner]:
        """Return two releases: by default the newest and the one before it. Raises NotFoundError."""
        later = self.release(guideline, after or "latest")
        name = later.guideline.release.release
        earlier = max((known for known in self.library.guidelines[guideline] if known < name), default=None)
        if before is None and earlier is None:
            raise NotFoundError(f"There is no release of this guideline before {name}.")
        return self.release(guideline, before or earlier or name), later

    def identify(self, decision_id: str) -> Identifier:
        """Return the loaded release and the facts that a decision_id names. Raises NotFoundError or GoneError."""
        parts = identifier.read(decision_id)
        if parts is None:
            raise NotFoundError("This is not a decision_id: it does not decode, or its check value is wrong.")
        if (parts.guideline, parts.release) not in self.questioners:
            raise GoneError("The release of the guideline that this decision_id names is no longer loaded.")
        return parts

    def recall(self, decision_id: str) -> Answer:
        """Return the answer that a decision_id encodes. Raises NotFoundError or GoneError."""
        parts = self.identify(decision_id)
        answer = self.questioners[parts.guideline, parts.release].recall(parts.facts)
        if answer is None:
            raise NotFoundError("This is not a decision_id: the facts that it encodes are not valid.")
        return answer


def carry_over(answer: Answer, guideline: Guideline) -> dict[str, str] | None:
    """Return the facts of an answer in the vocabulary of another release; None where that does not know them."""
    vocabulary, nothing = guideline.vocabulary, answer.advice.guideline.vocabulary.nothing
    values = {feature.name: feature.values for feature in (*vocabulary.features, *vocabulary.counted)}
    stated = {name: value for name, value in answer.advice.stated.items() if value != nothing[name]}
    known = all(value in values.get(name, ()) for name, value in stated.items())
    return {**vocabulary.nothing, **stated} if known else None


def find_rule(guideline: Guideline, name: str) -> Rule:
    """Return a rule by its id or its code. Raises NotFoundError."""
    rule = next((rule for rule in guideline.rules.values() if name in {rule.id, rule.code}), None)
    if rule is None:
        raise NotFoundError("This guideline has no such rule.")
    return rule
