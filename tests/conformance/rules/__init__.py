"""The rules of CDS Hooks 2.0.1 for documents, written from the specification and from nothing of this service.

`discovery`, `request`, `response`, `outcome` and `feedback` each take a JSON value and give the rules it violates. Pure
functions of the standard library only, so that what is checked and what checks it share no code and no mistake.
"""

from tests.conformance.rules.discovery import discovery
from tests.conformance.rules.feedback import feedback
from tests.conformance.rules.hooks import HOOKS
from tests.conformance.rules.outcome import outcome
from tests.conformance.rules.request import request
from tests.conformance.rules.response import response
from tests.conformance.rules.violation import Violation

__all__ = ["HOOKS", "Violation", "discovery", "feedback", "outcome", "request", "response"]
