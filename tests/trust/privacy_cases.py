"""Requests with a word of our own in every place where a caller can put one: values, names, ids, headers, addresses.

Each word is told from all others by its number, so that one that turns up somewhere says where it was put.
"""

import csv
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from service.facts.identifier import write
from service.knowledge.vocabulary import Date, Fact, Findings, Members, Number, Record, Vocabulary
from tests.api.asking import BATCH, BODIES, JSON, NDJSON, ONE, RESPONDER, SEPSIS
from tests.cds_hooks.hooks import ADDRESS, PATIENT, SERVICES, call, concept, orders, record, resource
from tests.conftest import GUIDELINE, ROOT

MARK = "qz7kanarie"
"""What every word begins with; in no language and no code list."""
EXTRACT, HOOK = "/v1/facts/extract", f"{ADDRESS}{SERVICES['patient-view']}"
ORDER, FEEDBACK = f"{ADDRESS}{SERVICES['order-select']}", f"{HOOK}/feedback"
ELEMENTS = ROOT / "tests" / "data" / "fhir_r4_elements.csv"
"""Resource types of FHIR R4 and names of their elements."""
DATATYPES = ROOT / "tests" / "data" / "fhir_r4_service_request.schema.json"
ROUTES = (
    "/v1/guidelines/{}", "/v1/guidelines/{}/rules", f"/v1/guidelines/{GUIDELINE}/rules/{{}}", "/v1/studies/{}",
    "/v1/guidelines/{}/decision-table", "/v1/guidelines/{}/source-attributes", "/v1/guidelines/{}/hazards",
    "/v1/citations/{}", "/v1/evidence/{}", "/v1/recommendations/{}", "/decisions/{}", "/assets/{}", "/problems/{}",
    "/{}", "/{}/..%2f", "/readyz/{}",
)  # fmt: skip
QUERIES = (
    "/v1/facts?{}=1", "/v1/facts?view={}", "/v1/feedback/summary?month={}", "/v1/evidence/overall-survival?pool={}",
    f"/v1/guidelines/{GUIDELINE}?release={{}}", "/metrics?name={}", "/readyz?{}", "/v1/studies?{}", "/openapi.json?{}",
)  # fmt: skip
HEADERS = (
    "Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control", "Cookie", "DNT",
    "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Location", "Content-Type", "ETag", "From",
    "Forwarded", "Host", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "Link", "Location",
    "Max-Forwards",
    "Origin", "Pragma", "Prefer", "Proxy-Authorization", "Range", "Referer", "Sec-Fetch-Site", "TE", "Upgrade",
    "User-Agent", "Via", "Warning", "X-API-Key", "X-Correlation-ID", "X-Forwarded-For", "X-Forwarded-Host",
    "X-Forwarded-Proto", "X-HTTP-Method-Override", "X-Patient-ID", "X-Real-IP", "X-Request-ID", "X-Provenance", "b3",
    "baggage", "traceparent", "tracestate",
)  # fmt: skip
WITH_SPACE = {"X-Request-ID"}
"""A word that has the form of a request id is one (API.md), so here it gets another form."""
NUMBERS = {"platelets_10e9_per_l": 1357.02468, "haemoglobin_g_per_dl": 13.5702468}
DAYS = ("2026-09-13", "2026-10-17")
"""Lawful values that are finer than the bands that the service speaks in."""
FINE = ("1357.02", "13.5702", *DAYS)
RAW = (
    "GET /{0} HTTP/9.9\r\n\r\n", "G({0}T / HTTP/1.1\r\nHost: localhost\r\n\r\n", "{0}\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: localhost\r\n{0} x: 1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: localhost\r\nX: {0}\r\n {0}\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: localhost\r\nX-{0}: {0}\0\r\n\r\n", "GET /{0} HTTP/1.1\r\nX: 1\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: {0}\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {0}\r\n\r\n",
    "POST /v1/recommendations HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{0}\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: {0}\r\nContent-Length: 1\r\n\r\nx",
    "{0} /v1/recommendations HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET http://{0}/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET {0} HTTP/1.1\r\nHost: localhost\r\n\r\n",
)  # fmt: skip
"""Heads as they go over the wire, most of which do not parse."""

Word = Callable[[], str]


@dataclass(frozen=True)
class Case:
    """One request: as a method, an address, headers and a body, or as it goes over the wire."""

    place: str
    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes = b""


class Words:
    """Gives out words, and remembers how many."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self) -> str:
        self.number += 1
        return f"{MARK}{self.number:07d}"


def cases(word: Words, vocabulary: Vocabulary) -> Iterator[Case]:
    """All of them, made as they are asked for."""
    yield from _addresses(word)
    yield from _headers(word)
    yield from (Case("a head", "", "", raw=raw.format(word()).encode()) for raw in RAW)
    yield from _facts(word, vocabulary)
    yield from _lawful(word)
    yield from _records(word)
    yield from _calls(word)
    yield from _feedback(word)


def _post(place: str, path: str, body: Any, media: str = JSON) -> Case:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Case(place, "POST", path, data, {"Content-Type": media})


def _addresses(word: Words) -> Iterator[Case]:
    for template in (*ROUTES, *QUERIES):
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PATCH"):
            yield Case("an address", method, template.format(word()))
    for template in (f"{ONE}?view={{}}", f"{ONE}?{{}}", "/v1/guidelines/{}/recommendations", f"{BATCH}?view={{}}",
                     f"/v1/guidelines/{GUIDELINE}/recommendations?release={{}}", "/cds-services/{}",
                     "/cds-services/{}/feedback", f"{EXTRACT}?{{}}"):  # fmt: skip
        for body in ({}, SEPSIS, [SEPSIS]):
            yield _post("an address", template.format(word()), body)
    # A short word with the right check value would be a lawful id of a release that is loaded.
    for release, facts in (("2019-01-01", ""), ("2026-11-23", "z" * 40)):
        for path in (ONE, "/decisions"):
            yield Case("a permalink", "GET", f"{path}/{write(GUIDELINE, release, facts + word())}")
            yield Case("a permalink", "GET", f"{path}/1_{GUIDELINE}_{release}_{facts}{word()}")


def _headers(word: Words) -> Iterator[Case]:
    targets = (("POST", ONE, RESPONDER), ("POST", HOOK, {}), ("GET", "/readyz", None), ("GET", "/v1/facts", None))
    for name, (method, path, body) in itertools.product(HEADERS, targets):
        forms = [f"a {word()} b"] if name in WITH_SPACE else [word(), f'"{word()}"', f"Bearer {word()}", f"{word()}=1"]
        for value in forms:
            data = b"" if body is None else json.dumps(body).encode()
            yield Case(f"the header {name}", method, path, data, {"Content-Type": JSON, name: value})
    for method, path, body in targets:
        data = b"" if body is None else json.dumps(body).encode()
        yield Case("the name of a header", method, path, data, {"Content-Type": JSON, f"X-{word()}": "1"})


def _shapes(word: Word) -> Iterator[Any]:
    """A word as any JSON can hold it."""
    yield word()
    yield [word(), word()]
    yield {"presence": word(), "grade": word()}
    yield {"overall": word(), "assessed_on": word(), "method": word()}
    yield [{"type": word()}, {"bleeding": word()}]
    yield f"  {word()}  "
    yield "x" * 5000 + word()


def _facts(word: Words, vocabulary: Vocabulary) -> Iterator[Case]:
    def inside(fact: Fact) -> Iterator[Any]:
        yield from _shapes(word)
        if isinstance(fact, Record):
            yield from ({name: shape} for name in fact.members for shape in _shapes(word))
        if isinstance(fact, Findings):
            for name, finding in fact.findings.items():
                yield from ({name: shape} for shape in _shapes(word))
                yield from ({name: {part: shape}} for part in finding.parts for shape in _shapes(word))
        if isinstance(fact, Number | Date | Members):
            yield from ([shape] for shape in _shapes(word))

    for path, fact in vocabulary.facts.items():
        for value in inside(fact):
            yield _post(f"the fact {path}", ONE, {path: value})
            yield _post("an emergency's other facts", ONE, {**SEPSIS, path: value} | _sepsis(path))
        twice = f'{{"{path}": "{word()}", "{path}": "{word()}"}}'.encode()
        yield _post("a key that stands twice", ONE, twice)
        yield _post("a batch", BATCH, [{path: word()}, word(), [word()], SEPSIS])
        yield _post("a batch in lines", BATCH, f'{{"{path}": "{word()}"}}\n{word()}\n'.encode(), NDJSON)
    for body in (SEPSIS, RESPONDER, {}):
        yield _post("the name of a member", ONE, body | {word(): 1})
        yield _post("a long name of a member", ONE, body | {"n" * 60 + word(): word()})
        yield _post("the name of a complication", ONE, body | {"complications": {word(): "present"}})
    for body in (f"{word()}", f'"{word()}"', f'["{word()}"', f'{{"a": {word()}}}', f'{{"{word()}": NaN}}'):
        yield _post("a body that is no object", ONE, body.encode())


def _sepsis(path: str) -> dict[str, Any]:
    """What makes it an emergency also where the fact is that of the complications."""
    return {"fever_within_6_weeks_of_chemotherapy": True} if path == "complications" else {}


def _lawful(word: Words) -> Iterator[Case]:
    del word
    for body in BODIES.values():
        finer = body | NUMBERS | {"as_of": DAYS[1]}
        if not isinstance(body.get("chemotherapy_response"), dict):
            finer |= {"chemotherapy_response": {"overall": "PR", "assessed_on": DAYS[0]}}
        yield _post("values finer than a band", ONE, finer)
        yield _post("values finer than a band", f"{BATCH}?view=full", [finer])


def elements() -> dict[str, list[str]]:
    """Names of elements by type of resource."""
    with ELEMENTS.open() as file:
        return {row["resource"]: row["elements"].split() for row in csv.DictReader(file)}


def datatypes() -> list[str]:
    """Names of the elements of all data types."""
    found = json.loads(DATATYPES.read_text())["definitions"]
    return sorted({name for each in found.values() for name in each.get("properties", {}) if not name.startswith("_")})


def _records(word: Words) -> Iterator[Case]:
    """Every element of every resource, in four shapes; with the id and the reference to the patient, and without."""
    parts = datatypes()
    for kind, names in elements().items():
        shapes: tuple[Callable[[], Any], ...] = (
            word,
            lambda: [
                {"reference": f"Patient/{word()}", "text": word(), "coding": [{"code": word(), "display": word()}]}
            ],
            lambda: {"system": word(), "code": word(), "value": word(), "start": word(), "text": word()},
            lambda: f"2026-01-01T{word()}",
        )
        for number, shape in enumerate(shapes):
            made = {"resourceType": kind, **{name: shape() for name in names}}
            if number:
                made |= {"id": word(), "subject": {"reference": f"Patient/{PATIENT}"}}
            bundle = {"resourceType": "Bundle", "entry": [{"fullUrl": f"urn:{word()}", "resource": made}]}
            yield _post(f"the elements of {kind}", EXTRACT, bundle)
            yield _post(f"the elements of {kind}", HOOK, call(prefetch={word(): bundle, "conditions": bundle}))
    for names in _batched(parts, 40):
        deep = resource(
            "Condition", word(), code={name: word() for name in names}, bodySite=[{n: word() for n in names}]
        )
        yield _post("the elements of data types", EXTRACT, {"resourceType": "Bundle", "entry": [{"resource": deep}]})
    for body in (word(), [word()], {"patient": word()}, {"bundle": word()}, {"resourceType": word()}, {word(): 1}):
        yield _post("what is no record", EXTRACT, body)


def _batched(values: list[str], size: int) -> Iterator[tuple[str, ...]]:
    for begin in range(0, len(values), size):
        yield tuple(values[begin : begin + size])


def _calls(word: Words) -> Iterator[Case]:
    whole = record(resource("Condition", "c1", code=concept("254837009", display=word())))
    for member in (
        "hook",
        "hookInstance",
        "fhirServer",
        "fhirAuthorization",
        "context",
        "prefetch",
        "extension",
        word(),
    ):
        for value in _shapes(word):
            yield _post(
                f"a call's {member if MARK not in member else 'unknown member'}", HOOK, call() | {member: value}
            )
    for member in ("userId", "patientId", "encounterId", "selections", "draftOrders", word()):
        for value in _shapes(word):
            yield _post("a call's context", HOOK, call(prefetch=whole, context={member: value}))
            yield _post("a call's context", ORDER, call("order-select", whole, context={**orders(), member: value}))
    for datum in whole:
        for value in _shapes(word):
            yield _post("a call's prefetch", HOOK, call(prefetch=whole | {datum: value}))
    token = {"access_token": word(), "token_type": "Bearer", "expires_in": 300, "scope": word(), "subject": word()}
    for server in (f"https://{word()}.example", word()):
        yield _post("a call's FHIR server", HOOK, call(fhirServer=server, fhirAuthorization=token))


def _feedback(word: Words) -> Iterator[Case]:
    at = "2026-11-23T10:05:31Z"
    for outcome in ("accepted", "overridden", word()):
        told = {"card": word(), "outcome": outcome, "outcomeTimestamp": at, "acceptedSuggestions": [{"id": word()}]}
        told |= {
            "overrideReason": {"reason": {"code": word(), "system": word(), "display": word()}, "userComment": word()}
        }
        yield _post("feedback on a stranger's card", FEEDBACK, {"feedback": [told]})
        for member in told:
            for value in _shapes(word):
                yield _post("feedback on a stranger's card", FEEDBACK, {"feedback": [told | {member: value}]})
