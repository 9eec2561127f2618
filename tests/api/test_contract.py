"""schemathesis: what the OpenAPI document allows, and what it just does not, has only answers that it names.

A few cases of each operation; `make trust-fuzz` tries sixty, in all phases, on a real server.
"""

from collections import Counter

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, checks, openapi

from service import create_app
from service.settings import Settings
from tests.api.asking import contract
from tests.api.test_openapi import FORMS
from tests.conftest import NOON, RedisServer

CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.allow_header_conformance,
]
SOME, FEW = 6, 2
"""Cases of an operation; few where an answer is a page, worked out from a whole form."""
quietly = settings(
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def complete(redis_server: RedisServer) -> Flask:
    """The service with all that it can need, so that nothing is unavailable."""
    return create_app(Settings(clock=lambda: NOON, log_level="error", redis_state_url=redis_server.url))


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_the_service_keeps_its_contract(complete: Flask, mode: GenerationMode) -> None:
    asked, silent = Counter(), set()
    for found in openapi.from_wsgi("/openapi.json", complete).get_all_operations():
        operation = found.ok()

        @seed(20261123)
        @settings(quietly, max_examples=FEW if operation.path in FORMS else SOME)
        @given(case=operation.as_strategy(generation_mode=mode))
        def keeps(case: schemathesis.Case) -> None:
            asked[case.operation.label] += 1
            response = case.call(headers={"Accept-Encoding": "identity"})  # a call in this process does not unpack
            case.validate_response(response, checks=CHECKS)

        try:
            keeps()
        except Unsatisfiable:  # nothing can be wrong with a request without a body and with free texts only
            silent.add(operation.label)
    assert asked["POST /v1/recommendations"] >= 5
    operations = {
        f"{method.upper()} {path}"
        for path, item in contract(complete)["paths"].items()
        for method in item
        if method in {"get", "post"}
    }
    # schemathesis leaves out the address that it reads the document from
    assert set(asked) | silent == operations - {"GET /openapi.json"}
    # The explorers' forms are of free texts, too: whatever they say, the page tells.
    bodies = {label for label in silent if label.startswith("POST")} - {f"POST {path}" for path in FORMS}
    assert not (silent if mode is GenerationMode.POSITIVE else bodies)
