"""One patient over HTTP, and one call of an EHR: answers a second, beside FRAME or FLOOR in the same round."""

import contextlib
import json
import time
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

from bench.client import Seen, UnexpectedError, ask, closed_loop, header, open_loop, request
from bench.knowledge import guideline
from bench.patients import README, patients
from bench.records import laboratory_views, patient_views
from bench.row import Effort, Measure, Pair, Spec, Target
from bench.serving import FLOOR, FRAME, OURS, Server, redis, serving

SECONDS = 1.0
"""Of one measurement."""
SHORT_SECONDS = 0.1
CHART_BYTES = 18_000
CONNECTIONS = 4
TAIL_CONNECTIONS = 16
TAIL_SECONDS = 2.0
ASK = "/v1/recommendations"
BODY = json.dumps(README).encode()
RATE = "answers/s"
PATIENCE_SECONDS = 30
LEAST_SHARE = 0.5
"""Of the answers of recommend_redis that must have come from there."""
RECALLED = 500
"""Patients that Redis is full of."""


def _specs() -> tuple[Spec, ...]:
    ours = "POST /v1/recommendations, the README's patient, whole answer, near cache full"
    parsing = "its view parses the body and returns the same bytes"
    same = "its view reads the body and returns the same bytes"
    return (
        Spec("recommend_warm", RATE, Target.read("ratio >= 0.9"), ours, f"FRAME: {same}", _warm_beside_frame),
        Spec("recommend_warm_bare", RATE, Target.read("ratio >= 0.65"), ours, f"FLOOR: {same}", _warm_beside_floor),
        Spec(
            "recommend_cold",
            RATE,
            Target.read("ratio >= 0.5"),
            "the same for patients of whom each is asked about once: both caches are asked, neither knows",
            f"FLOOR: {same} (an answer of the median length)",
            _cold,
        ),
        Spec(
            "recommend_redis",
            RATE,
            Target.read("ratio >= 0.6"),
            f"the same for {RECALLED} patients whose answers Redis has; there is no near cache",
            f"FLOOR: {same} (an answer of the median length)",
            _redis,
        ),
        Spec(
            "permalink_304",
            RATE,
            Target.read("ratio >= 0.9"),
            "GET of a permalink with the ETag that its answer had: 304",
            "FRAME: its view answers 304",
            _permalink,
        ),
        Spec(
            "tail",
            "p99/p50",
            Target.read("ratio <= 1.5"),
            "p99 divided by p50 of recommend_warm at half of its own peak, at a fixed rate",
            "the same of FLOOR at half of FLOOR's peak",
            _tail,
        ),
        Spec(
            "patient_view_18kB",
            RATE,
            Target.read("ratio >= 0.6"),
            "POST of a patient-view call of 18 kB, one card; the same chart each time, every hookInstance another one",
            f"FLOOR: {parsing}",
            _patient_view,
        ),
        Spec(
            "patient_view_cold",
            RATE,
            Target.read("ratio >= 0.6"),
            "the same for charts of which each is opened once: nothing is kept of it",
            f"FLOOR: {parsing}",
            _patient_view_cold,
        ),
        Spec(
            "patient_view_labs",
            RATE,
            None,
            "the same for charts of 60 kB, of which 200 laboratory values belong to no code list",
            f"FLOOR: {parsing}",
            _patient_view_labs,
        ),
    )


def _rate(server: Server, requests: Any, facts: dict[str, Any], *, status: int = 200, heads: bool = False) -> Seen:
    return closed_loop(
        server.port, requests, facts["seconds"], connections=facts["connections"], status=status, heads=heads
    )


def _facts(effort: Effort, **more: Any) -> dict[str, Any]:
    return {"seconds": effort.of(SECONDS, SHORT_SECONDS), "connections": CONNECTIONS, **more}


def _beside(
    ours: tuple[Server, bytes], other: tuple[Server, bytes], facts: dict[str, Any], status: int = 200
) -> Measure:
    """Both rates; who goes first changes from round to round."""
    turns, measures = cycle((False, True)), (ours, other)
    for server, data in measures:
        _rate(server, data, facts | {"seconds": facts["seconds"] / 2}, status=status)

    def pair() -> Pair:
        order = (1, 0) if next(turns) else (0, 1)
        rates = {which: _rate(*measures[which], facts, status=status).rate for which in order}
        facts["peak_mb"] = round(ours[0].peak_mb(), 1)
        return rates[0], rates[1]

    return Measure(pair, facts)


def _answer(server: Server, body: bytes = BODY, path: str = ASK) -> tuple[bytes, bytes]:
    return ask(server.port, server.post(path, body))


@contextlib.contextmanager
def _warm(reference: str, path: str, effort: Effort) -> Iterator[Measure]:
    with redis() as url, serving(OURS, REDIS_URL=url) as ours:
        _, answer = _answer(ours)
        with serving(reference, answer, REDIS_URL=url) as other:
            facts = _facts(effort, request_bytes=len(BODY), answer_bytes=len(answer))
            yield _beside((ours, ours.post(ASK, BODY)), (other, other.post(path, BODY)), facts)


def _warm_beside_frame(effort: Effort) -> contextlib.AbstractContextManager[Measure]:
    return _warm(FRAME, "/frame", effort)


def _warm_beside_floor(effort: Effort) -> contextlib.AbstractContextManager[Measure]:
    return _warm(FLOOR, "/floor", effort)


@contextlib.contextmanager
def _cold(effort: Effort) -> Iterator[Measure]:
    bodies = (each.body for each in patients(guideline()))
    with redis() as url, serving(OURS, REDIS_URL=url) as ours:
        answer, length = _median_answer(ours, list(islice(bodies, 50)))
        with serving(FLOOR, answer) as floor:
            facts = _facts(effort, answer_bytes=length, asked=0)
            seen: set[str] = set()

            def pair() -> Pair:
                # Drawn before the clock runs; more than can be answered in this time.
                ready = [ours.post(ASK, body) for body in islice(bodies, int(4000 * facts["seconds"]))]
                cold = _rate(ours, iter(ready), facts, heads=True)
                _all_different(cold, seen)
                bare = _rate(floor, (floor.post("/floor", body[body.index(b"{") :]) for body in cycle(ready)), facts)
                facts["asked"] = len(seen)
                facts["peak_mb"] = round(ours.peak_mb(), 1)
                return cold.rate, bare.rate

            yield Measure(pair, facts)


def _all_different(cold: Seen, seen: set[str]) -> None:
    """Every decision_id of the run is another one, and no cache had its answer."""
    for head in cold.heads:
        name, said = header(head, "decision-id"), header(head, "cache-status")
        if not name or name in seen or "; hit" in said:
            raise UnexpectedError(f"not a cold answer: {name} {said}")
        seen.add(name)


@contextlib.contextmanager
def _redis(effort: Effort) -> Iterator[Measure]:
    bodies = [each.body for each in islice(patients(guideline()), effort.of(RECALLED, 20))]
    with redis() as url, serving(OURS, REDIS_URL=url, NEAR_CACHE_BYTES="0") as ours:
        answer, length = _median_answer(ours, bodies)
        ready = cycle([ours.post(ASK, body) for body in bodies])
        with serving(FLOOR, answer) as floor:
            facts = _facts(effort, answer_bytes=length, patients=len(bodies), least_share_from_redis=1.0)
            bare = cycle([floor.post("/floor", body) for body in bodies])
            until_redis_has_all(ours, bodies)

            def pair() -> Pair:
                seen = _rate(ours, ready, facts, heads=True)
                # On a machine that is busy with other things Redis is not waited for; then it is another row's figure.
                share = sum("hit" in header(head, "cache-status") for head in seen.heads) / len(seen.heads)
                facts["least_share_from_redis"] = min(facts["least_share_from_redis"], round(share, 4))
                if share < LEAST_SHARE:
                    raise UnexpectedError(f"of the answers {share:.0%} came from Redis")
                facts["peak_mb"] = round(ours.peak_mb(), 1)
                return seen.rate, _rate(floor, bare, facts).rate

            yield Measure(pair, facts)


def until_redis_has_all(ours: Server, bodies: list[bytes]) -> None:
    """Ask for each patient until Redis answers: an answer is written there a little after it is sent."""
    end = time.monotonic() + PATIENCE_SECONDS
    for body in bodies:
        while "hit" not in header(_answer(ours, body)[0], "cache-status"):
            if time.monotonic() > end:
                raise UnexpectedError("Redis does not keep an answer")
            time.sleep(0.005)


def _median_answer(ours: Server, bodies: list[bytes]) -> tuple[bytes, int]:
    """The answer of median length, and its length."""
    answers = sorted((_answer(ours, body)[1] for body in bodies), key=len)
    found = answers[len(answers) // 2]
    return found, len(found)


@contextlib.contextmanager
def _permalink(effort: Effort) -> Iterator[Measure]:
    with redis() as url, serving(OURS, REDIS_URL=url) as ours, serving(FRAME, REDIS_URL=url) as frame:
        name, tag = _exact(ours)
        data = request("GET", f"{ASK}/{name}", ours.port, If_None_Match=tag)
        same = request("GET", f"/frame/{name}", frame.port, If_None_Match=tag)
        yield _beside((ours, data), (frame, same), _facts(effort), 304)


def _exact(ours: Server) -> tuple[str, str]:
    """The decision_id of the README's patient (from the body: heads are in lower case), and the permalink's ETag."""
    name = json.loads(_answer(ours)[1])["decision_id"]
    head, _ = ask(ours.port, request("GET", f"{ASK}/{name}", ours.port))
    return name, header(head, "etag").replace("w/", "W/")


@contextlib.contextmanager
def _tail(effort: Effort) -> Iterator[Measure]:
    with redis() as url, serving(OURS, REDIS_URL=url) as ours:
        _, answer = _answer(ours)
        with serving(FLOOR, answer) as floor:
            facts = _facts(effort, latencies_ms={"ours": [], "floor": []})
            facts["tail_seconds"] = effort.of(TAIL_SECONDS, SHORT_SECONDS)
            facts["tail_connections"] = TAIL_CONNECTIONS
            ready = {"ours": (ours, ours.post(ASK, BODY)), "floor": (floor, floor.post("/floor", BODY))}
            halves = {name: _rate(*each, facts).rate / 2 for name, each in ready.items()}
            facts["rates"] = {name: round(rate) for name, rate in halves.items()}

            def pair() -> Pair:
                found = {}
                for name, (server, data) in ready.items():
                    seen = open_loop(
                        server.port, data, halves[name], facts["tail_seconds"], connections=TAIL_CONNECTIONS
                    )
                    middle, late = seen.percentile(50), seen.percentile(99)
                    facts["latencies_ms"][name].append([round(middle * 1000, 3), round(late * 1000, 3)])
                    found[name] = late / middle
                return found["ours"], found["floor"]

            yield Measure(pair, facts)


def _patient_view(effort: Effort) -> contextlib.AbstractContextManager[Measure]:
    return _opened(effort, patient_views(CHART_BYTES, same_chart=True), same_chart=True)


def _patient_view_cold(effort: Effort) -> contextlib.AbstractContextManager[Measure]:
    return _opened(effort, patient_views(CHART_BYTES, same_chart=False), same_chart=False)


def _patient_view_labs(effort: Effort) -> contextlib.AbstractContextManager[Measure]:
    return _opened(effort, laboratory_views(), same_chart=False)


@contextlib.contextmanager
def _opened(effort: Effort, bodies: Iterator[bytes], *, same_chart: bool) -> Iterator[Measure]:
    path = patient_view_path()
    with redis() as url, serving(OURS, REDIS_URL=url) as ours:
        body = next(bodies)
        answer = answer_with_card(ours, path, body)
        with serving(FLOOR, answer) as floor:
            facts = _facts(effort, request_bytes=len(body), answer_bytes=len(answer))
            bare = floor.post("/floor/parsed", body)
            # Drawn before the clock runs; of charts that are new more than can be answered in this time.
            number = int((100 if same_chart else 1500) * facts["seconds"])
            again = [ours.post(path, each) for each in islice(bodies, number)] if same_chart else []

            def pair() -> Pair:
                ready = cycle(again) if again else iter([ours.post(path, each) for each in islice(bodies, number)])
                rates = _rate(ours, ready, facts).rate, _rate(floor, bare, facts).rate
                facts["peak_mb"] = round(ours.peak_mb(), 1)
                return rates

            yield Measure(pair, facts)


def patient_view_path() -> str:
    """Return the path of the shipped guideline's patient-view service."""
    return f"/cds-services/{guideline().release.id}-patient-view"


def answer_with_card(server: Server, path: str, body: bytes) -> bytes:
    """Return the answer to a patient-view call. Raises UnexpectedError unless it has one card."""
    _, answer = ask(server.port, server.post(path, body))
    if len(json.loads(answer)["cards"]) != 1:
        raise UnexpectedError("a call that should be answered with a card is not")
    return answer


SPECS = _specs()
