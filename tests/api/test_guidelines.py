"""What the service knows: guidelines, rules, the decision table, the vocabulary, the sources."""

import csv
import io
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.api.asking import ONE, is_problem, send
from tests.api.conftest import CURRENT, NEW, OLD
from tests.conftest import GUIDELINE

TABLES = {release: Path(__file__).parents[1] / "data" / f"decision_table_{release}.csv" for release in (OLD, CURRENT)}
"""The 560 cells of each release as the panel wrote them, apart from the content of the service."""
each_release = pytest.mark.parametrize("release", TABLES)

HOME = f"/v1/guidelines/{GUIDELINE}"
COLUMNS = ["metastatic_axis", "response_axis", "complication_tier", "rule", "code", "direction"]
RULES = [f"R{number:02}" for number in range(1, 26)]
HAZARDS = {OLD: 10, CURRENT: 15}
GATES = {OLD: ["G01"], CURRENT: [f"G{number:02}" for number in range(1, 11)]}

# Typed from API.md: the members of a request.
FACTS = {
    "metastatic_status", "presentation", "metastatic_extent", "metastatic_sites", "lesion_count", "all_sites_ablatable",
    "primary_tumour", "chemotherapy_response", "systemic_therapy", "complications", "as_of", "age_years", "ecog",
    "platelets_10e9_per_l", "haemoglobin_g_per_dl", "sex", "er_status", "pr_status", "her2_status", "menopausal_status",
    "patient_preference", "pregnant", "inflammatory", "prior_chest_radiotherapy", "closure_possible", "visceral_crisis",
    "anticoagulated", "anti_angiogenic_therapy", "life_expectancy_under_1_year", "brain_metastases",
    "fever_within_6_weeks_of_chemotherapy",
}  # fmt: skip
NEW_FACTS = {
    "metastasis_proof", "systemic_options", "last_weeks_of_life", "tumour_in_wound", "fever_now", "fever_in_record",
    "all_metastases_treated",
}  # fmt: skip
"""Of release 2026-12-01."""
COMPLICATIONS = {
    "bleeding": {"haemodynamically_unstable", "controlled_by_pressure"},
    "ulceration": {"vessel_exposed", "pleura_exposed"},
    "fungation": {"vessel_exposed", "pleura_exposed"},
    "chest_wall_necrosis": {"pleura_exposed"},
    "infection": {"necrotising"},
    "sepsis_signs": set(),
    "pain": {"controlled"},
    "odour": set(),
    "lymphoedema": set(),
    "plexopathy": {"new_motor_deficit"},
    "chest_wall_invasion": {"symptomatic"},
    "impending_breakthrough": set(),
}
NEW_COMPLICATIONS: dict[str, set[str]] = {"mass_effect": set(), "discharge": set()}
"""Of release 2026-12-01."""
KNOWLEDGE = [
    "/v1/guidelines",
    HOME,
    f"{HOME}/rules",
    f"{HOME}/rules/R16",
    f"{HOME}/decision-table",
    "/v1/facts",
    "/v1/citations",
    "/v1/citations/BADWE15",
]

ROOT = Path(__file__).parents[2]


def read(client: FlaskClient, path: str, **headers: str) -> Any:
    response = client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    assert response.status_code == 200, response.get_data(as_text=True)[:500]
    assert response.mimetype == "application/json"
    return response.get_json()


@pytest.mark.parametrize("path", KNOWLEDGE)
def test_knowledge_may_be_kept_for_five_minutes_by_anyone(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert {part.strip() for part in response.headers["Cache-Control"].split(",")} == {"public", "max-age=300"}
    assert response.data == client.get(path).data


# ---- guidelines and rules


def test_each_guideline_is_listed_with_its_newest_release(client: FlaskClient, updated: Flask) -> None:
    (only,) = read(client, "/v1/guidelines")["guidelines"]
    assert set(only) >= {"id", "release", "digest", "evidence_date", "review_by", "sign_off", "title"}
    assert (only["id"], only["release"]) == (GUIDELINE, CURRENT)
    assert client.get(only["links"]["self"]).get_json()["id"] == GUIDELINE
    (newer,) = read(updated.test_client(), "/v1/guidelines")["guidelines"]
    assert newer["release"] == NEW


def test_a_guideline_says_what_it_is_for_and_what_not_and_who_has_signed(client: FlaskClient) -> None:
    found = read(client, HOME)
    assert found["sign_off"] == "awaiting"
    for name in (
        "intended_use",
        "intended_users",
        "not_for",
        "limits",
        "disclaimer",
        "question",
        "sign_off_note",
        "evidence_date",
        "review_by",
    ):
        assert found[name], name
    assert [item["release"] for item in found["releases"]] == [CURRENT, OLD]
    assert found["releases"][0]["changes"]
    assert found["releases"][0]["digest"] == found["digest"]
    assert found["contradictions"] == [f"V{number:02}" for number in range(1, 16)]
    assert read(client, f"{HOME}?release={OLD}")["contradictions"] == [f"V{number:02}" for number in range(1, 13)]
    assert [len(values) for values in found["axes"].values()] == [8, 10, 7]


def test_all_releases_are_named_and_each_can_be_read(updated: Flask) -> None:
    client = updated.test_client()
    assert [item["release"] for item in read(client, HOME)["releases"]] == [NEW, CURRENT, OLD]
    assert read(client, HOME)["release"] == NEW
    assert read(client, f"{HOME}?release={OLD}")["release"] == OLD
    assert read(client, f"{HOME}/rules/R16?release={OLD}")["strength"] == "conditional"
    assert read(client, f"{HOME}/rules/R16")["strength"] == "strong"
    digests = [item["digest"] for item in read(client, HOME)["releases"]]
    assert len(set(digests)) == 3


@pytest.mark.parametrize(
    "path",
    [
        "/v1/guidelines/none",
        "/v1/guidelines/none/rules",
        f"{HOME}/rules/R26",
        f"{HOME}/rules/r16",
        f"{HOME}?release=1999",
        f"{HOME}/decision-table?release=1999",
        "/v1/citations/NONE",
    ],
)
def test_what_there_is_not_is_not_found(client: FlaskClient, path: str) -> None:
    is_problem(client.get(path), 404, "not-found")


@each_release
def test_every_rule_is_listed_with_its_statement_grade_and_sources(client: FlaskClient, release: str) -> None:
    rules = read(client, f"{HOME}/rules?release={release}")["rules"]
    assert sorted(rule["id"] for rule in rules) == [*GATES[release], *RULES]
    assert len({rule["code"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["statement"]
        assert rule["direction"] in {"for", "against", "consider", "not_applicable", "insufficient"}
        assert rule["provenance"]
        assert rule["citations"]
        assert all(source["locator"] and source["supports"] for source in rule["citations"]), rule["id"]
        assert rule["gate"] == (rule["id"] in GATES[release])
        assert (rule["certainty"] == "none") or rule["certainty_reasons"]


def test_a_rule_is_found_by_its_id_and_by_its_code(client: FlaskClient) -> None:
    for rule in read(client, f"{HOME}/rules")["rules"]:
        assert read(client, f"{HOME}/rules/{rule['id']}") == rule
        assert read(client, f"{HOME}/rules/{rule['code']}") == rule


# ---- the decision table


@each_release
def test_the_decision_table_as_csv_is_the_panel_s_byte_for_byte(client: FlaskClient, release: str) -> None:
    response = client.get(f"{HOME}/decision-table?release={release}", headers={"Accept": "text/csv"})
    assert response.mimetype == "text/csv"
    assert response.data == TABLES[release].read_bytes()
    assert "accept" in {name.lower() for name in response.vary}


@each_release
def test_the_decision_table_as_parquet_has_the_same_cells(client: FlaskClient, tmp_path: Path, release: str) -> None:
    accept = {"Accept": "application/vnd.apache.parquet"}
    response = client.get(f"{HOME}/decision-table?release={release}", headers=accept)
    assert response.mimetype == "application/vnd.apache.parquet"
    (tmp_path / "table.parquet").write_bytes(response.data)
    found = duckdb.sql(f"FROM '{tmp_path / 'table.parquet'}'")
    assert [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()] == list(
        csv.DictReader(io.StringIO(TABLES[release].read_text()))
    )


@each_release
def test_the_decision_table_as_json_has_the_same_560_cells(client: FlaskClient, release: str) -> None:
    found = read(client, f"{HOME}/decision-table?release={release}")
    with TABLES[release].open(newline="") as file:
        cells = list(csv.DictReader(file))
    assert found["columns"] == COLUMNS
    assert found["cells"] == cells
    assert len(cells) == 560
    assert set(Counter(cell["rule"] for cell in cells)) == set(RULES)


@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/*", "application/json"),
        ("text/csv", "text/csv"),
        ("text/*", "text/csv"),
        ("text/csv, application/json;q=0.5", "text/csv"),
        ("application/json, text/csv;q=0.5", "application/json"),
        ("text/html, text/csv;q=0.1", "text/csv"),
        ("TEXT/CSV", "text/csv"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
    ],
)
def test_the_form_of_the_table_is_the_caller_s_choice(client: FlaskClient, accept: str | None, mimetype: str) -> None:
    response = client.get(f"{HOME}/decision-table", headers={} if accept is None else {"Accept": accept})
    assert response.status_code == 200
    assert response.mimetype == mimetype


@pytest.mark.parametrize(
    "accept", ["image/png", "application/parquet", "text/html", "application/json;q=0, text/csv;q=0", "x/y"]
)
def test_a_form_that_there_is_not_is_not_acceptable(client: FlaskClient, accept: str) -> None:
    problem = is_problem(client.get(f"{HOME}/decision-table", headers={"Accept": accept}), 406, "not-acceptable")
    assert "application/json" in problem["detail"]
    assert "text/csv" in problem["detail"]


# ---- the vocabulary


def facts(client: FlaskClient, release: str = CURRENT) -> dict[str, dict[str, Any]]:
    return {fact["name"]: fact for fact in read(client, f"/v1/facts?release={release}")["facts"]}


def test_the_vocabulary_is_that_of_the_newest_release(client: FlaskClient) -> None:
    assert read(client, "/v1/facts") == read(client, f"/v1/facts?release={CURRENT}")


@each_release
def test_every_member_of_a_request_is_defined(client: FlaskClient, release: str) -> None:
    found = facts(client, release)
    assert set(found) == FACTS | (NEW_FACTS if release == CURRENT else set())
    for fact in found.values():
        assert fact["title"]
        assert fact["meaning"]


@each_release
def test_every_complication_and_flag_is_defined(client: FlaskClient, release: str) -> None:
    types = {item["name"]: item for item in facts(client, release)["complications"]["types"]}
    flags = {name: {flag["name"] for flag in item["flags"]} for name, item in types.items()}
    assert flags == COMPLICATIONS | (NEW_COMPLICATIONS if release == CURRENT else {})
    for item in types.values():
        assert item["meaning"]
        assert all(flag["meaning"] for flag in item["flags"])
    terms = {name: item["ctcae"]["term"] for name, item in types.items() if item["ctcae"]}
    assert terms["bleeding"] == "Tumor hemorrhage"
    assert terms["sepsis_signs"] == "Sepsis"


def test_every_value_that_is_defined_is_accepted_and_so_is_each_synonym(client: FlaskClient) -> None:
    for name, fact in facts(client).items():
        for word, value in fact.get("values", {}).items():
            assert value["meaning"], (name, word)
            for said in (word, *value["synonyms"]):
                body = {name: [said] if name == "metastatic_sites" else said}
                assert send(client, body).status_code == 200, (name, said)


@pytest.mark.parametrize(
    ("status", "same"),
    [
        ("cM0", "M0"),
        ("cM0(i+)", "M0(i+)"),
        ("cM1", "M1"),
        ("metastatic", "M1"),
        ("non_metastatic", "M0"),
    ],
)
def test_other_words_for_the_m_category_mean_the_same(client: FlaskClient, status: str, same: str) -> None:
    assert send(client, {"metastatic_status": status}).data == send(client, {"metastatic_status": same}).data


def test_p_m1_is_metastasis_proven_by_histology(client: FlaskClient) -> None:
    """CHANGES of 2026-12, section 1; before, it was M1 in other words. The decision_id keeps which was sent."""
    address = f"/v1/guidelines/{GUIDELINE}/recommendations?release={OLD}"
    one, other = (send(client, {"metastatic_status": status}, address) for status in ("pM1", "M1"))
    assert one.data == other.data
    both = {"presentation": "de_novo", "lesion_count": 1, "complications": "none", "chemotherapy_response": "SD"}
    pairs = ({"metastatic_status": "pM1"}, {"metastatic_status": "M1", "metastasis_proof": "histology"})
    answers = [send(client, both | pair).get_json() for pair in pairs]
    for answer in answers:
        for name in ("decision_id", "links", "because"):
            del answer[name]
    assert answers[0] == answers[1]
    assert answers[0] != send(client, both | {"metastatic_status": "M1"}).get_json()


def test_codes_name_their_system_and_what_they_stand_for(client: FlaskClient) -> None:
    codes = []

    def collect(tree: Any) -> None:
        if isinstance(tree, dict):
            codes.extend(tree.get("codes") or [])
            tree = list(tree.values())
        if isinstance(tree, list):
            for item in tree:
                collect(item)

    collect(read(client, "/v1/facts"))
    systems = Counter(code["system"] for code in codes)
    assert {"SNOMED CT", "LOINC"} <= set(systems)
    assert any(system.startswith("ICD-10") for system in systems)
    for code in codes:
        assert set(code) == {"system", "code", "display"}
        assert all(code.values())
    assert ("SNOMED CT", "55440008") in {(code["system"], code["code"]) for code in codes}


def test_the_bounds_and_bands_of_numbers_are_those_of_the_contract(client: FlaskClient) -> None:
    found = facts(client)
    bounds = {name: (found[name]["minimum"], found[name]["maximum"]) for name in found if "minimum" in found[name]}
    assert bounds == {
        "age_years": (0, 120),
        "ecog": (0, 4),
        "lesion_count": (0, 999),
        "platelets_10e9_per_l": (0, 2000),
        "haemoglobin_g_per_dl": (2, 25),
    }
    assert found["age_years"]["bands"] == ["<18", "18-54", "55-65", ">65"]
    assert found["platelets_10e9_per_l"]["bands"] == ["<50", ">=50"]
    assert found["haemoglobin_g_per_dl"]["bands"] == ["<8", ">=8"]
    assert found["lesion_count"]["bands"] == ["0", "1", "2-5", ">5"]


@pytest.mark.parametrize("path", ["presentation", "complications", "chemotherapy_response"])
def test_missing_facts_are_named_by_paths_that_the_vocabulary_knows(client: FlaskClient, path: str) -> None:
    known = set()

    def collect(tree: Any) -> None:
        if isinstance(tree, dict):
            known.add(tree.get("path"))
            tree = list(tree.values())
        if isinstance(tree, list):
            for item in tree:
                collect(item)

    collect(read(client, "/v1/facts")["facts"])
    assert path in known
    body = {"metastatic_status": "M1", "presentation": "de_novo", "complications": {"bleeding": "absent"}}
    for asked in ({}, body, {"metastatic_status": "M1", "complications": "none"}):
        for item in send(client, asked).get_json()["missing_facts"]:
            assert item["fact"] in known


# ---- sources


def test_every_source_is_listed_with_how_it_was_read(client: FlaskClient) -> None:
    sources = read(client, "/v1/citations")["citations"]
    ids = [source["id"] for source in sources]
    assert len(ids) == len(set(ids)) > 40
    for source in sources:
        assert source["title"]
        assert source["read_in"]
        assert source["verified"]
        if source["doi"]:
            assert source["url"] == f"https://doi.org/{source['doi']}"
        elif source["pmid"]:
            assert "pubmed" in source["url"]
        assert source["url"] is None or source["url"].startswith("https://")


def test_a_source_names_the_rules_that_cite_it(client: FlaskClient) -> None:
    cited: dict[str, set[str]] = {}
    for rule in read(client, f"{HOME}/rules")["rules"]:
        named = [source["id"] for source in rule["citations"]]
        named += [name for part in (*rule["statements"], *rule["grades"]) for name in part["citations"]]
        for name in named:
            cited.setdefault(name, set()).add(rule["id"])
    for source in read(client, "/v1/citations")["citations"]:
        found = read(client, f"/v1/citations/{source['id']}")
        assert set(found["cited_by"]) == cited.get(source["id"], set()), source["id"]


def test_whatever_an_answer_cites_is_in_the_catalogue(client: FlaskClient) -> None:
    known = {source["id"]: source for source in read(client, "/v1/citations")["citations"]}
    for body in ({}, {"complications": ["bleeding"]}, {"metastatic_status": "metastatic", "complications": "none"}):
        for source in send(client, body, ONE).get_json()["citations"]:
            kept = ("title", "authors", "year", "doi", "pmid", "url", "read_in", "verified")
            assert {name: source[name] for name in kept} == {name: known[source["id"]][name] for name in kept}


# ---- operations


def test_the_process_is_alive_ready_and_says_its_version(client: FlaskClient) -> None:
    assert client.get("/livez").status_code == 200
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.get_json()["status"] in {"ready", "degraded"}
    assert isinstance(ready.get_json()["parts"], dict)
    version = client.get("/version").get_json()
    assert version["service"]
    assert [item["release"] for item in version["guidelines"]] == [OLD, CURRENT]
    for path in ("/livez", "/readyz", "/version"):
        assert client.get(path).headers["Cache-Control"] == "no-store"


def test_what_is_not_in_order_degrades_and_never_stops(client: FlaskClient, later: Flask) -> None:
    assert client.get("/readyz").get_json()["status"] == "ready"
    late = later.test_client().get("/readyz")
    assert late.status_code == 200
    assert late.get_json()["status"] == "degraded"
    assert json.dumps(later.test_client().get("/v1/guidelines").get_json()).count("overdue") == 1


def test_the_thirteen_source_attributes_are_all_there_and_none_is_empty(client: FlaskClient) -> None:
    attributes = read(client, f"{HOME}/source-attributes")["source_attributes"]
    assert len(attributes) == 13
    assert len({item["name"] for item in attributes}) == 13
    assert all(item["value"].strip() for item in attributes)


@each_release
def test_the_hazard_log_names_rules_and_tests_that_exist(client: FlaskClient, release: str) -> None:
    hazards = read(client, f"{HOME}/hazards?release={release}")["hazards"]
    assert [item["id"] for item in hazards] == [f"H{number}" for number in range(1, HAZARDS[release] + 1)]
    rules = {rule["id"] for rule in read(client, f"{HOME}/rules?release={release}")["rules"]}
    for hazard in hazards:
        assert all((ROOT / test).is_file() for test in hazard["tests"]), hazard
        assert {name for name in hazard["controls"] if re.fullmatch(r"[RG]\d\d", name)} <= rules
