"""Every line of the checklist, in its order. To import this is to have them in `checklist.LINES`."""

from tests.conformance.checklist import LINES
from tests.conformance.lines import calls, cors, discovery, feedback, prefetch, running, security

__all__ = ["LINES", "calls", "cors", "discovery", "feedback", "prefetch", "running", "security"]
