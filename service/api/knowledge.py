"""The loaded knowledge as the views see it: which release, asked by what, reviewed when."""

import datetime as dt
from dataclasses import dataclass

from service.advice.question import Answer, Questioner
from service.advice.render import Renderer
from service.api.here import this_app
from service.api.problems import Problem
from service.knowledge.guideline import Guideline
from service.knowledge.library import Library
from service.settings import Settings


@dataclass(frozen=True)
class Knowledge:
    """The library, and for each release in it one who asks and one who writes."""

    library: Library
    questioners: dict[tuple[str, str], Questioner]
    renderers: dict[tuple[str, str], Renderer]

    @classmethod
    def of(cls, library: Library) -> "Knowledge":
        """Make the questioners and renderers."""
        releases = [guideline for by_release in library.guidelines.values() for guideline in by_release.values()]
        return cls(
            library, {each.key: Questioner(each) for each in releases}, {each.key: Renderer(each) for each in releases}
        )

    def renderer(self, answer: Answer) -> Renderer:
        """Who writes this answer."""
        return self.renderers[answer.advice.guideline.key]

    def newest(self, guideline: str) -> Questioner:
        """The newest release of a guideline, or 404."""
        found = self.library.newest(guideline)
        if found is None:
            known = ", ".join(self.library.guidelines)
            raise Problem("not-found", f"There is no such guideline. Known: {known}.")
        return self.questioners[found.key]

    def release(self, guideline: str, release: str) -> Questioner:
        """One release of a guideline, or 404."""
        newest = self.newest(guideline)
        if release in {"latest", newest.guideline.release.release}:
            return newest
        found = self.library.find(guideline, release)
        if found is None:
            known = ", ".join(sorted(self.library.guidelines[guideline]))
            raise Problem("not-found", f"There is no such release of this guideline. Known: {known}.")
        return self.questioners[found.key]


def knowledge() -> Knowledge:
    """The knowledge of the running application."""
    found: Knowledge = this_app().config["KNOWLEDGE"]
    return found


def settings() -> Settings:
    """The settings of the running application."""
    found: Settings = this_app().config["SETTINGS"]
    return found


def overdue(guideline: Guideline, today: dt.date) -> bool:
    """Whether the date by which the evidence was to be reviewed has passed."""
    return today > guideline.release.review_by
