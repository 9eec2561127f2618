"""openapi.yaml: what the code says, what is committed, what is served, and what the routes are, all the same."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from service.api.problems import KINDS
from tests.api.asking import BATCH, ONE, PROBLEM, contract, is_problem, named, send, validator
from tests.conftest import ROOT

FILE = ROOT / "openapi.yaml"
FORMS = {"/", "/guidelines/{guideline}/explore"}
"""Pages that answer to a form: facts that are refused get the same page."""


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    return contract(app)


@pytest.fixture(scope="module")
def generated(app: Flask) -> str:
    result = app.test_cli_runner().invoke(args=["openapi"])
    assert result.exit_code == 0, result.output
    return result.stdout


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in {"get", "put", "post", "delete", "patch", "head", "options", "trace"}:
                yield method.upper(), path, operation


def resolved(document: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    """The object itself, where a reference stands for it."""
    while "$ref" in item:
        parts = item["$ref"].removeprefix("#/").split("/")
        item = document
        for part in parts:
            item = item[part]
    return item


def contents(document: dict[str, Any], operation: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What an operation takes and gives: ("body" or a status, media type, description of it)."""
    if "requestBody" in operation:
        for media, content in resolved(document, operation["requestBody"])["content"].items():
            yield "body", media, content
    for status, response in operation["responses"].items():
        for media, content in resolved(document, response).get("content", {}).items():
            yield status, media, content


def test_the_committed_file_is_what_the_code_generates(generated: str) -> None:
    assert yaml.safe_load(FILE.read_text()) == yaml.safe_load(generated), (
        "openapi.yaml is stale: run `make openapi` and commit it"
    )


def test_the_served_document_is_what_the_code_generates(document: dict, generated: str) -> None:
    assert document == json.loads(json.dumps(yaml.safe_load(generated)))


def test_it_is_generated_the_same_every_time(app: Flask, generated: str) -> None:
    assert app.test_cli_runner().invoke(args=["openapi"]).stdout == generated


def test_it_is_valid_openapi_3_1(document: dict) -> None:
    assert document["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_route_is_in_it_and_nothing_else(app: Flask, document: dict) -> None:
    routes = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(method, path) for method, path, _ in operations(document)} == routes


def test_every_operation_has_a_name_of_its_own_a_summary_and_its_path_parameters(document: dict) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    for _, path, operation in operations(document):
        assert operation["summary"]
        assert operation["tags"]
        parameters = [resolved(document, item) for item in operation.get("parameters", [])]
        assert {item["name"] for item in parameters if item["in"] == "path"} == set(re.findall(r"{(\w+)}", path))
        assert all(item["required"] for item in parameters if item["in"] == "path")


def test_every_error_in_it_is_a_problem_and_each_of_them_is_known(document: dict) -> None:
    known = {kind.status for kind in KINDS.values()}
    for method, path, operation in operations(document):
        for status, media, content in contents(document, operation):
            if status.isdecimal() and int(status) >= 400:
                hooks = path.startswith("/cds-services")
                assert media == ("application/json" if hooks else PROBLEM), (method, path, status)
                assert int(status) in known
                named = "OperationOutcome" if hooks else "Problem"
                assert resolved(document, content["schema"]) == document["components"]["schemas"][named]


def test_every_operation_names_the_errors_that_can_come(document: dict) -> None:
    for method, path, operation in operations(document):
        expected = {"421"}
        expected |= {"404"} if "{" in path else set()
        expected |= {"400", "408", "413", "415"} if method == "POST" else set()
        expected |= (
            {"422"} if method == "POST" and not path.startswith("/cds-services") and path not in FORMS else set()
        )
        assert expected <= set(operation["responses"]), (method, path)


def test_its_examples_fit_its_schemas(document: dict) -> None:
    seen = 0
    for _, _, operation in operations(document):
        for _, _, content in contents(document, operation):
            examples = [resolved(document, item)["value"] for item in content.get("examples", {}).values()]
            for example in [*examples, *([content["example"]] if "example" in content else [])]:
                validator(document, content["schema"]).validate(example)
                seen += 1
    assert seen >= 8


def test_its_examples_are_what_the_service_answers(client: FlaskClient, document: dict) -> None:
    operation = document["paths"][ONE]["post"]
    asked = resolved(document, operation["requestBody"])["content"]["application/json"]["examples"]
    shown = resolved(document, operation["responses"]["200"])["content"]["application/json"]["examples"]
    assert len(asked) >= 4
    bodies = [resolved(document, example)["value"] for example in asked.values()]
    answers = [
        send(client, body, f"{ONE}?view={view}").get_json() for body in bodies for view in ("full", "brief", "row")
    ]
    for name, example in shown.items():
        assert resolved(document, example)["value"] in answers, f"{name} is not what the service answers to any example"


def test_its_example_of_a_refusal_is_what_the_service_answers(client: FlaskClient, document: dict) -> None:
    content = resolved(document, document["paths"][ONE]["post"]["responses"]["422"])["content"][PROBLEM]
    example = content.get("example") or resolved(document, next(iter(content["examples"].values())))["value"]
    problem = is_problem(send(client, {"metastatic_status": "M0", "metastatic_sites": ["bone"]}), 422)
    assert problem["errors"] == example["errors"]


@pytest.mark.parametrize(
    "body",
    [
        {"hat": 1},
        {"metastatic_status": "m1"},
        {"age_years": "5"},
        {"age_years": 121},
        {"ecog": 1.5},
        {"pregnant": "yes"},
        {"pregnant": 1},
        {"as_of": 5},
        {"metastatic_sites": "bone"},
        {"complications": {"smell": "present"}},
        {"complications": {"pain": {"grade": 5}}},
        {"complications": {"pain": {"glow": True}}},
        {"complications": ["none"]},
        {"chemotherapy_response": "not_responded"},
        {"chemotherapy_response": {"overal": "PR"}},
        [],
        "M1",
    ],
)
def test_what_the_service_refuses_does_not_fit_the_schema_of_the_facts(
    client: FlaskClient, document: dict, body: Any
) -> None:
    assert send(client, json.dumps(body)).status_code == 422
    assert not validator(document, {"$ref": "#/components/schemas/Facts"}).is_valid(body)


def test_what_the_service_accepts_fits_the_schema_of_the_facts(client: FlaskClient, document: dict) -> None:
    facts = named(document, "Facts")
    for name, fact in document["components"]["schemas"]["Facts"]["properties"].items():
        assert fact["description"], name
        for word in [*fact.get("enum", []), None, "unknown"]:
            if name == "fever_within_6_weeks_of_chemotherapy" or send(client, {name: word}).status_code == 200:
                facts.validate({name: word})
            else:
                pytest.fail(f"{name} offers a word that is refused")


def test_nothing_is_required_of_a_patient(document: dict) -> None:
    facts = document["components"]["schemas"]["Facts"]
    assert not facts.get("required")
    assert facts["additionalProperties"] is False


def test_the_parameters_that_work_are_in_it(document: dict) -> None:
    asked = {
        (method, path): {resolved(document, item)["name"] for item in operation.get("parameters", [])}
        for method, path, operation in operations(document)
    }
    assert "view" in asked["POST", ONE]
    assert "view" in asked["POST", BATCH]
    assert {"view", "release"} <= asked["POST", "/v1/guidelines/{guideline}/recommendations"]
    assert {"view", "release"} <= asked["GET", "/v1/recommendations/{decision_id}"]
    assert "release" in asked["GET", "/v1/guidelines/{guideline}/decision-table"]
