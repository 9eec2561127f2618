"""Why a caller is turned away. The caller never learns it; the operator's log does."""


class Unauthorised(Exception):  # noqa: N818 - what HTTP calls a 401
    """Credentials that are missing or do not hold: which step found it, and what. Never holds the credentials."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(f"{step}: {reason}")
        self.step, self.reason = step, reason


class GuardClosedError(Exception):
    """Nobody can tell whether a token was used before, so no token is taken (503, not 401: the token may be good)."""
