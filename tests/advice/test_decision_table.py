"""The 560 cells of each release, asked with raw facts, against the enumeration made from its specification."""

from itertools import product

import pytest

from tests.conftest import GUIDELINE
from tests.strategies import SCREEN

CLEAR = dict.fromkeys(SCREEN, "absent")
M = {
    "M0": {"metastatic_status": "M0"},
    "M1_DENOVO_POLY": {"metastatic_status": "M1", "presentation": "de_novo", "metastatic_extent": "polymetastatic"},
    "M1_DENOVO_BONE_ONLY": {"metastatic_status": "M1", "presentation": "de_novo", "metastatic_extent": "bone_only"},
    "M1_DENOVO_OLIGO": {"metastatic_status": "M1", "presentation": "de_novo", "metastatic_extent": "oligometastatic"},
    "M1_DENOVO_EXTENT_UNKNOWN": {"metastatic_status": "M1", "presentation": "de_novo"},
    "M1_RECURRENT": {"metastatic_status": "M1", "presentation": "recurrent"},
    "M1_ORIGIN_UNKNOWN": {"metastatic_status": "M1"},
    "M_UNKNOWN": {},
}
R = {
    "CR_ALL": "CR",
    "CR_DISTANT": {"primary": "PR", "distant": "CR"},
    "PR": "PR",
    "SD": "SD",
    "PD_LOCAL": {"primary": "PD", "distant": "SD"},
    "PD_DISTANT": {"primary": "SD", "distant": "PD"},
    "PD_SITE_UNKNOWN": "PD",
    "NOT_STARTED": "not_started",
    "NOT_EVALUABLE": "NE",
    "UNKNOWN": None,
}
C = {
    "C4": {**CLEAR, "sepsis_signs": "present"},
    "C3": {**CLEAR, "bleeding": "present"},
    "C2A": {**CLEAR, "ulceration": "present"},
    "C2B": {**CLEAR, "odour": "present"},
    "C1": {**CLEAR, "impending_breakthrough": "present"},
    "CU": {**CLEAR, "infection": "unknown"},
    "C0": CLEAR,
}
UNREACHABLE = {"CR_DISTANT", "PD_LOCAL", "PD_DISTANT"}
"""Response axes that need a distant response, which M0 cannot have (V03)."""
M1 = [m for m in M if m.startswith("M1_")]


def body(m, r, c, primary_tumour="in_situ"):
    return {**M[m], "chemotherapy_response": R[r], "complications": C[c], "primary_tumour": primary_tumour}


def told(answer):
    lead = answer["recommendations"][0]
    return {name: lead[name] for name in ("rule", "code", "direction")}


def test_the_enumeration_has_every_cell_once(cells):
    assert set(cells) == set(product(M, R, C))
    assert len(cells) == 560


@pytest.mark.parametrize("cell", list(product(M, R, C)), ids="-".join)
def test_raw_facts_of_the_cell_give_the_rule_of_the_cell(post, release, cells, cell):
    m, r, c = cell
    status, answer = post(body(m, r, c), f"?release={release}")
    if m == "M0" and r in UNREACHABLE and c != "C4":
        assert status == 422
        assert {error.get("rule") for error in answer["errors"]} == {"V03"}
        assert [error["pointer"] for error in answer["errors"]] == ["/chemotherapy_response/distant"]
        assert (answer.get("urgent") or {}).get("code") == ("URGENT_CURATIVE_MDT" if c == "C3" else None)
        return
    assert status == 200, answer
    assert answer["guideline"]["release"] == release
    assert answer["because"]["derived"] == {"metastatic_axis": m, "response_axis": r, "complication_tier": c}
    assert told(answer) == {name: cells[m, r, c][name] for name in ("rule", "code", "direction")}


def test_the_compiled_table_equals_the_enumeration(library, release, cells):
    guideline = library.guidelines[GUIDELINE][release]
    for (m, r, c), row in cells.items():
        point = {"metastatic_axis": m, "response_axis": r, "complication_tier": c}
        rule = guideline.rules[guideline.table.decide(point).output]
        assert (rule.id, rule.code, rule.direction) == (row["rule"], row["code"], row["direction"]), (m, r, c)


def test_both_releases_answer_side_by_side_and_differ_in_the_two_changed_cells_alone(post):
    first, second = "2026-11-23", "2026-12-01"
    differ = {
        (m, r, c)
        for m, r, c in product(M, R, C)
        if (m != "M0" or r not in UNREACHABLE)
        and told(post(body(m, r, c), f"?release={first}")[1]) != told(post(body(m, r, c), f"?release={second}")[1])
    }
    assert differ == {("M1_RECURRENT", "PD_LOCAL", "C0"), ("M1_ORIGIN_UNKNOWN", "PD_LOCAL", "C0")}


@pytest.mark.parametrize("primary_tumour", ["resected", "not_found"])
@pytest.mark.parametrize("m", M1)
def test_g01_answers_for_m1_at_c0_where_no_primary_is_in_place(post, release, m, primary_tumour):
    for r in R:
        if r == "PD_LOCAL" and release != "2026-11-23":
            continue  # growth where the tumour was is G06
        status, answer = post(body(m, r, "C0", primary_tumour), f"?release={release}")
        assert status == 200, (r, answer)
        assert told(answer) == {"rule": "G01", "code": "NO_PRIMARY_TO_TREAT", "direction": "not_applicable"}, r
        assert answer["because"]["derived"] == {"metastatic_axis": m, "response_axis": r, "complication_tier": "C0"}


@pytest.mark.parametrize("primary_tumour", ["resected", "not_found"])
@pytest.mark.parametrize("m", M)
def test_g01_stays_away_from_m0_from_unknown_m_and_from_every_other_tier(post, release, cells, m, primary_tumour):
    for c in C:
        if c == "C0" and m in M1:
            continue
        status, answer = post(body(m, "PR", c, primary_tumour), f"?release={release}")
        assert status == 200, (c, answer)
        assert told(answer)["rule"] == cells[m, "PR", c]["rule"], c


@pytest.mark.parametrize("m", M)
def test_an_unknown_primary_tumour_is_treated_as_in_situ_and_named_as_missing(post, release, cells, m):
    status, answer = post({**body(m, "PR", "C0"), "primary_tumour": "unknown"}, f"?release={release}")
    assert status == 200
    assert told(answer)["rule"] == cells[m, "PR", "C0"]["rule"]
    assert "primary_tumour_unknown" in [warning["code"] for warning in answer["warnings"]]
    named = {item["fact"]: item for item in answer["missing_facts"]}
    if m in M1:
        assert named["primary_tumour"]["would_become"]["resected"]["code"] == "NO_PRIMARY_TO_TREAT"
        assert named["primary_tumour"]["decisive"]
