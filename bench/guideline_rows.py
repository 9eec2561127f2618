"""One record asked by four guidelines, beside the same record asked by one."""

import contextlib
import json
import tempfile
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

from bench.client import UnexpectedError, ask, closed_loop
from bench.copies import GUIDELINES, CopiedContent, default_content
from bench.row import Effort, Measure, Pair, SkippedError, Spec, Target
from bench.serving import OURS, Server, serving

PATH = "/v1/records/recommendations"
FHIR_JSON = "application/fhir+json"
SECONDS, SHORT_SECONDS = 1.0, 0.1
MAX_RECORDS_PER_SECOND = 1500


@contextlib.contextmanager
def _four_guidelines(effort: Effort) -> Iterator[Measure]:
    content = CopiedContent(effort.content) if effort.content else default_content()
    if not content.has_record:
        raise SkippedError(f"beside {content.source} there is no record.json")
    with tempfile.TemporaryDirectory(prefix="bench-") as name, contextlib.ExitStack() as stack:
        servers = {
            number: stack.enter_context(serving(OURS, **content.write(Path(name) / str(number), number)))
            for number in (GUIDELINES, 1)
        }
        bodies = content.records()
        first = next(bodies)
        answers = {number: _count_answers(server, first) for number, server in servers.items()}
        if answers != {GUIDELINES: GUIDELINES, 1: 1}:
            raise UnexpectedError(f"not each guideline answered (guidelines: answers): {answers}")
        seconds = effort.of(SECONDS, SHORT_SECONDS)
        orders = cycle(((GUIDELINES, 1), (1, GUIDELINES)))

        def pair() -> Pair:
            # The bodies are made before the clock runs.
            round_bodies = list(islice(bodies, int(MAX_RECORDS_PER_SECOND * seconds)))
            times = {}
            for number in next(orders):
                requests = iter([_request(servers[number], body) for body in round_bodies])
                times[number] = closed_loop(servers[number].port, requests, seconds, connections=1).percentile(50)
            return times[GUIDELINES] * 1000, times[1] * 1000

        pair()  # so that both servers are warm
        facts = {"guideline": content.guideline, "record_bytes": len(first), "seconds": seconds}
        yield Measure(pair, facts)


def _count_answers(server: Server, body: bytes) -> int:
    """Return how many guidelines answer a record. Raises SkippedError if this build has no such route."""
    try:
        _, answer = ask(server.port, _request(server, body))
    except UnexpectedError as error:
        if "HTTP/1.1 404" in str(error):
            raise SkippedError(f"this build has no POST {PATH}") from error
        raise
    return len(json.loads(answer)["answers"])


def _request(server: Server, body: bytes) -> bytes:
    return server.post(PATH, body, Content_Type=FHIR_JSON)


SPECS = (
    Spec(
        "four_guidelines",
        "ms",
        Target.read("ratio <= 1.5"),
        f"POST {PATH} with a record of which each of {GUIDELINES} guidelines (copies of one) answers; median",
        "the same of a server that has one of them",
        _four_guidelines,
    ),
)
