"""The body of a request: content type, size, then the one reader."""

import json
from typing import Any

from flask import request

from service.advice.question import Questioner
from service.api.here import this_request
from service.api.knowledge import knowledge, settings
from service.api.limits import EmergencyTest, admit, expect, most
from service.api.problems import Problem
from service.facts.json_body import BodyError, Document, Json, has_more_items, parse, parse_long

JSON = "application/json"
NDJSON = "application/x-ndjson"
FHIR_JSON = "application/fhir+json"
IDENTITY = "identity"
"""The only Content-Encoding of a body that is read."""


def read_body(
    limit: int,
    *accepted: str,
    example: Json = None,
    emergency: EmergencyTest | None = None,
    most_items: int | None = None,
) -> bytes:
    """The bytes of a body of an accepted content type, or the problem that says what to send instead.

    Whoever asks too much is refused here, unless the parsed body passes the test for an emergency.
    """
    asked, wanted = this_request(), accepted or (JSON,)
    # Most say it without parameters; then there is nothing to take apart.
    if asked.environ.get("CONTENT_TYPE") not in wanted and asked.mimetype not in wanted:
        raise Problem("unsupported-media-type", _right_curl(example))
    refuse_compressed()
    may, length = most(limit), asked.content_length
    if length is not None and length <= limit:
        expect(length)
    if length is None or length > may:
        # One more than the limit: of a chunked body werkzeug reads as much as it may and then stops without a word.
        asked.max_content_length = may + 1
    body = asked.get_data(cache=False)
    if len(body) > limit:
        raise Problem("body-too-large", f"The body may have {limit} bytes.")
    if most_items is not None and has_more_items(body, most_items):
        raise Problem("body-too-large", f"The body may have {most_items} members and items in all. Send it in parts.")
    admit(body, emergency)
    return body


def refuse_compressed() -> None:
    """Raise Problem for a body with a Content-Encoding: what is compressed has no size that can be limited."""
    encoding = this_request().headers.get("Content-Encoding", "").strip().lower()
    if encoding not in {"", IDENTITY}:
        detail = "The body must come as it is: without a Content-Encoding."
        raise Problem("unsupported-media-type", detail, headers={"Accept-Encoding": IDENTITY})


def parse_json(body: bytes) -> Json:
    """The JSON in some bytes, or the problem that says what is wrong with them."""
    try:
        return parse(body)
    except BodyError as error:
        raise _unreadable(error) from None


def parse_record_json(body: bytes) -> Document:
    """Return the JSON of a long body. Raise Problem with what is wrong with it."""
    try:
        return parse_long(body)
    except BodyError as error:
        raise _unreadable(error) from None


def _unreadable(error: BodyError) -> Problem:
    code = "empty-body" if error.code == "empty_body" else "unreadable-body"
    errors: list[dict[str, Any]] = [{"pointer": "", "code": error.code, "detail": error.detail}]
    return Problem(code, error.detail, errors)


def emergency_in(questioner: Questioner) -> EmergencyTest:
    """The test of a body that is one patient."""

    def test(body: bytes) -> bool:
        try:
            return questioner.emergency_in(parse(body), settings().today())
        except BodyError:
            return False

    return test


def _right_curl(example: Json) -> str:
    named = (request.view_args or {}).get("guideline", settings().guideline)
    guideline = knowledge().newest(named).guideline
    shown = [case.facts for case in guideline.cases if case.example and case.facts and not case.refused]
    facts = json.dumps(example or min(shown, key=lambda facts: len(json.dumps(facts)), default={}))
    many = request.path.endswith("/batch")
    return (
        f"The Content-Type must be {JSON}. With curl: "
        f"curl -H 'Content-Type: {JSON}' -d '{f'[{facts}]' if many else facts}' {settings().public_url}{request.path}"
    )
