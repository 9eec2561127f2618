"""The body of a CDS Hooks call, checked as far as the service reads it. What it does not know, it passes over."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from service.cds_hooks.prefetch_data import FHIR_ID
from service.facts.json_body import MAX_RECORD, Json, crowded, pointer
from service.facts.refusal import Fault, FaultsError, repeated_keys

ORDERS = ("order-select", "order-sign")
SELECT = "order-select"
MOST_DRAFTS = 500
"""Entries of draftOrders; the largest order set has some dozens."""

ONLY_THIS_CALLS = (b'"hookInstance"', b'"access_token"')
"""Members that are new in each call and change no answer, as long as no FHIR server is asked."""
GOOD_TEXT = re.compile(rb'\s*:\s*"([A-Za-z0-9._~+/=-]+)"')
"""What may stand there for what is left out: a text that passes every check, in its plain spelling."""


@dataclass(frozen=True)
class Call:
    """What a call says. The token stays out of every representation."""

    patient: str
    prefetch: Mapping[str, Json]
    drafts: Mapping[str, Any]
    selections: tuple[str, ...] | None
    fhir_server: str | None
    token: str | None = field(default=None, repr=False)
    """The access token; None where none was sent."""
    token_usable: bool = True
    """False for an authorization without a token that can be sent on."""


def read_call(tree: Json, hook: str) -> Call:
    """Read the body. Raises FaultsError."""
    if not isinstance(tree, dict):
        raise FaultsError([Fault("", "invalid_value", "A call is a JSON object.")])
    if crowded(tree, MAX_RECORD):
        detail = f"A call has at most {MAX_RECORD} members and items. Prefetch what discovery asks for and no more."
        raise FaultsError([Fault("", "too_many_members", detail)])
    if twice := repeated_keys(tree):
        raise FaultsError(twice)
    reader = _Reader(tree, hook)
    call = reader.call()
    if reader.faults:
        raise FaultsError(reader.faults)
    return call


def lasting(body: bytes) -> list[bytes]:
    """The parts of a body that are the same when the same is asked again: all, but for this call's id and token.

    Where two bodies have the same parts and one of them is a good call, the other one is, and says the same: each
    differs from the other within one plain text, the only one of its name (a name is nowhere else in the body, in this
    spelling), of which no more is read than that it is there, or that it can be sent on.
    """
    cuts = []
    for name in ONLY_THIS_CALLS:
        at = body.find(name)
        # After a backslash the quotation mark is part of a longer name.
        if at < 1 or body[at - 1 : at] == b"\\" or body.find(name, at + 1) >= 0:
            continue
        if text := GOOD_TEXT.match(body, at + len(name)):
            cuts.append(text.span(1))
    parts, begin = [], 0
    for first, end in sorted(cuts):
        parts.append(body[begin:first])
        begin = end
    return [*parts, body[begin:]]


class _Reader:
    def __init__(self, tree: Mapping[str, Json], hook: str) -> None:
        self.tree = tree
        self.hook = hook
        self.faults: list[Fault] = []

    def call(self) -> Call:
        if self.tree.get("hook") != self.hook:
            self.fault(f"This service answers the hook {self.hook}; say so in hook.", "hook")
        if not _text(self.tree.get("hookInstance")):
            self.fault("hookInstance is a text that is not empty (a UUID).", "hookInstance")
        context = self.tree.get("context")
        if not isinstance(context, dict):
            self.fault("context is an object.", "context")
            context = None
        drafts, selections = self.orders(context) if self.hook in ORDERS else ({}, None)
        server, token, usable = self.server()
        prefetch = self.tree.get("prefetch")
        if not isinstance(prefetch, dict | None):
            self.fault("prefetch is an object.", "prefetch")
            prefetch = None
        patient = self.patient(context)
        return Call(patient, prefetch or {}, drafts, selections, server, token, usable)

    def patient(self, context: Mapping[str, Json] | None) -> str:
        if context is None:
            return ""
        if not _text(context.get("userId")):
            self.fault("context.userId is a text that is not empty, such as Practitioner/123.", "context", "userId")
        patient = context.get("patientId")
        # "." and ".." are parts of a path: Patient/. would be the whole list of patients.
        if isinstance(patient, str) and FHIR_ID.fullmatch(patient):
            return patient
        detail = "context.patientId is the bare id of a Patient: 1 to 64 of A-Z a-z 0-9 - and the full stop."
        self.fault(detail, "context", "patientId")
        return ""

    def orders(self, context: Mapping[str, Json] | None) -> tuple[Mapping[str, Any], tuple[str, ...] | None]:
        if context is None:
            return {}, None
        drafts = context.get("draftOrders")
        if not isinstance(drafts, dict) or drafts.get("resourceType", "Bundle") != "Bundle":
            self.fault("context.draftOrders is a Bundle.", "context", "draftOrders")
            drafts = {}
        entries = drafts.get("entry")
        if isinstance(entries, list) and len(entries) > MOST_DRAFTS:
            self.fault(f"draftOrders has at most {MOST_DRAFTS} entries.", "context", "draftOrders", "entry")
            drafts = {}
        if self.hook != SELECT:
            return drafts, None
        selections = context.get("selections")
        if not isinstance(selections, list) or not all(isinstance(name, str) for name in selections):
            self.fault("context.selections is a list of references into draftOrders.", "context", "selections")
            selections = []
        return drafts, tuple(selections)

    def server(self) -> tuple[str | None, str | None, bool]:
        server, given = self.tree.get("fhirServer"), self.tree.get("fhirAuthorization")
        if server is not None and not _text(server):
            self.fault("fhirServer is a URL.", "fhirServer")
            server = None
        if given is None:
            return server, None, True
        if not isinstance(given, dict):
            self.fault("fhirAuthorization is an object.", "fhirAuthorization")
            return server, None, False
        if server is None:
            self.fault("With fhirAuthorization, fhirServer says where it holds.", "fhirServer")
        token = given.get("access_token")
        if isinstance(token, str) and token and token.isascii() and token.isprintable() and " " not in token:
            return server, token, True
        return server, None, False

    def fault(self, detail: str, *path: str) -> None:
        self.faults.append(Fault(pointer(*path), "invalid_value", detail))


def _text(value: Json) -> bool:
    return isinstance(value, str) and bool(value.strip())
