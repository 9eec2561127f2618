"""Why a caller is turned away. The caller never learns it; the operator's log does."""

from collections.abc import Mapping


class Refusal(Exception):  # noqa: N818 - the two kinds of it are below
    """A caller is not let in."""

    told: Mapping[str, str] = {}
    """Who the caller claims to be, as far as the log may say it."""


class Unauthorised(Refusal):
    """Credentials that are missing or do not hold: which step found it, and what. Never holds the credentials."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(f"{step}: {reason}")
        self.step, self.reason = step, reason


class GuardClosedError(Refusal):
    """Nobody can tell whether a token was used before, so no token is taken (503, not 401: the token may be good)."""
