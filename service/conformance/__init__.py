"""The rules of CDS Hooks 2.0.1 for documents, written from the specification and from nothing of this service.

`discovery`, `request`, `response`, `outcome` and `feedback` each take a JSON value and give the rules it violates. Pure
functions of the standard library only, so that what is checked and what checks it share no code and no mistake.
"""

from service.conformance.discovery import discovery
from service.conformance.feedback import feedback
from service.conformance.hooks import HOOKS
from service.conformance.outcome import outcome
from service.conformance.request import completed, request
from service.conformance.response import response
from service.conformance.violation import Violation

__all__ = ["HOOKS", "Violation", "completed", "discovery", "feedback", "outcome", "request", "response"]
