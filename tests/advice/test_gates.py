"""The gates of release 2026-12-01: each cell that has a gate before it, asked with raw facts."""

import csv
from itertools import product

import pytest

from tests.advice.conftest import DATA
from tests.advice.test_decision_table import C, M, R, body, told
from tests.conftest import GUIDELINE
from tests.strategies import SCREEN

RELEASE = "2026-12-01"
QUERY = f"?release={RELEASE}"
CLEAR = dict.fromkeys(SCREEN, "absent")
GATES = ["G02", "G03", "G04", "G05", "G06", "G01", "G07", "G10", "G08", "G09"]
GROWS = {
    "PD_LOCAL": {"primary": "PD", "distant": "SD"},
    "PD_DISTANT": {"primary": "PD", "distant": "PD"},
    "PD_SITE_UNKNOWN": {"primary": "PD"},
}
"""Response axes with growth of the primary."""
OOZE = {"presence": "present", "grade": 1, "haemodynamically_unstable": False, "controlled_by_pressure": True}
NECROSIS = {"C3": 3, "C2A": 2}
IRRADIATED = {"prior_chest_radiotherapy": True}


def dying(m, r, c):
    return {**body(m, r, c), "last_weeks_of_life": True}


def infected(m, r, c):
    return {**body(m, r, c), "complications": {**CLEAR, "infection": {"presence": "present", "grade": 3}}}


def dead_tissue(m, r, c):
    necrosis = {"chest_wall_necrosis": {"presence": "present", "grade": NECROSIS[c]}}
    return {**body(m, r, c), **IRRADIATED, "complications": {**CLEAR, **necrosis}}


def oozing(m, r, c):
    return {**body(m, r, c), "complications": {**CLEAR, "bleeding": OOZE}}


def grown_after_removal(m, r, c):
    return {**body(m, r, c, "resected"), "chemotherapy_response": GROWS[r]}


def removed(m, r, c):
    return body(m, r, c, "resected")


def single(m, r, c):
    return {**body(m, r, c), "lesion_count": 1}


def nodes(m, r, c):
    return {**body(m, r, c), "metastatic_sites": ["distant_node"]}


def without_drugs(m, r, c):
    return {**body(m, r, c), "systemic_options": "declined"}


def both_grow(m, r, c):
    return {**body(m, r, c), "chemotherapy_response": GROWS[r]}


SITUATIONS = {
    "G02": dying,
    "G03": infected,
    "G04": dead_tissue,
    "G05": oozing,
    "G06": grown_after_removal,
    "G01": removed,
    "G07": single,
    "G10": nodes,
    "G08": without_drugs,
    "G09": both_grow,
}
NOT_STATABLE = {"G07": "a solitary bone lesion is read as oligometastatic", "G10": "bone only has no nodes (V07)"}
"""Gates that no raw facts reach at bone-only disease: one lesion there is another axis, and nodes are refused."""


def gate_cells():
    with (DATA / f"gate_cells_{RELEASE}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def key(row):
    return row["metastatic_axis"], row["response_axis"], row["complication_tier"]


ROWS = gate_cells()


@pytest.fixture(scope="module")
def cells():
    with (DATA / f"decision_table_{RELEASE}.csv").open(newline="") as file:
        return {key(row): row for row in csv.DictReader(file)}


def test_the_enumeration_has_812_pairs_of_a_cell_and_a_gate():
    assert len({(*key(row), row["gate"]) for row in ROWS}) == len(ROWS) == 812
    assert {row["gate"] for row in ROWS} == set(GATES)


def test_the_gates_are_tried_in_their_order(library):
    assert list(library.guidelines[GUIDELINE][RELEASE].release.gates) == GATES


@pytest.mark.parametrize("row", ROWS, ids=["-".join((*key(row), row["gate"])) for row in ROWS])
def test_raw_facts_of_the_situation_give_the_gate(post, cells, row):
    m, r, c = key(row)
    assert row["instead_of"] == cells[m, r, c]["rule"]
    status, answer = post(SITUATIONS[row["gate"]](m, r, c), QUERY)
    if m == "M1_DENOVO_BONE_ONLY" and row["gate"] in NOT_STATABLE:
        if row["gate"] == "G10":
            assert status == 422
            assert {error["rule"] for error in answer["errors"]} == {"V07"}
        else:
            assert answer["because"]["derived"]["metastatic_axis"] == "M1_DENOVO_OLIGO"
        return
    assert status == 200, answer
    assert answer["because"]["derived"] == {"metastatic_axis": m, "response_axis": r, "complication_tier": c}
    assert told(answer) == {"rule": row["gate"], "code": row["code"], "direction": row["direction"]}
    assert answer["because"]["trace"][-1]["table"] == "gates"


@pytest.mark.parametrize("gate", GATES)
def test_the_gate_answers_in_its_cells_alone(post, gate):
    mine = {key(row) for row in ROWS if row["gate"] == gate}
    needs_growth = gate in {"G06", "G09"}
    for m, r, c in product(M, R, C):
        if (m, r, c) in mine or m == "M0" or (needs_growth and r not in GROWS) or (gate == "G04" and c not in NECROSIS):
            continue
        status, answer = post(SITUATIONS[gate](m, r, c), QUERY)
        if status == 422:
            continue
        assert told(answer)["rule"] != gate or tuple(answer["because"]["derived"].values()) in mine, (m, r, c)


def test_an_emergency_passes_every_gate(post):
    everything = {
        **body("M1_DENOVO_POLY", "PR", "C4", "resected"),
        **IRRADIATED,
        "last_weeks_of_life": True,
        "systemic_options": "none_left",
        "metastatic_sites": ["distant_node"],
        "lesion_count": 1,
        "tumour_in_wound": False,
    }
    status, answer = post(everything, QUERY)
    assert status == 200
    assert told(answer)["rule"] == "R01"


ALONE = {"endocrine", "anti_her2", "endocrine_plus_anti_her2"}
"""Therapies that do not lower the white count."""
THERAPIES = [
    *sorted(ALONE), "chemotherapy", "chemo_plus_anti_her2", "endocrine_plus_cdk46", "immunotherapy", "other",
    "unknown", "antibody_drug_conjugate", "parp_inhibitor", "endocrine_plus_pi3k_akt_mtor", "chemo_plus_immunotherapy",
]  # fmt: skip


@pytest.mark.parametrize("m", M)
@pytest.mark.parametrize("therapy", THERAPIES)
def test_a_fever_is_never_c0_and_an_emergency_on_what_may_lower_the_white_count(post, m, therapy):
    status, answer = post({**body(m, "PR", "C0"), "systemic_therapy": therapy, "fever_now": True}, QUERY)
    assert status == 200, answer
    assert answer["because"]["derived"]["complication_tier"] == ("CU" if therapy in ALONE else "C4")


@pytest.mark.parametrize("m", M)
def test_a_fever_before_systemic_therapy_is_no_emergency_and_never_c0(post, m):
    status, answer = post({**body(m, "NOT_STARTED", "C0"), "fever_now": True}, QUERY)
    assert status == 200, answer
    assert answer["because"]["derived"]["complication_tier"] == "CU"


TIERS = {
    "bleeding": "C2A C2A C3 C4 C3",
    "ulceration": "C2A C2A C2A C3 C2A",
    "fungation": "C2A C2A C2A C3 C2A",
    "chest_wall_necrosis": "C2A C2A C3 C4 C3",
    "infection": "C2B C2B C3 C4 C2B",
    "sepsis_signs": "C4 C4 C4 C4 C4",
    "pain": "C1 C2B C3 C3 C2B",
    "mass_effect": "C2B C2B C2B C2B C2B",
    "odour": "C1 C2B C2B C2B C2B",
    "discharge": "C1 C2B C2B C2B C2B",
    "lymphoedema": "C1 C2B C2B C2B C2B",
    "plexopathy": "C2B C2B C3 C3 C2B",
    "chest_wall_invasion": "C1 C1 C1 C1 C1",
    "impending_breakthrough": "C1 C1 C1 C1 C1",
}
"""Tier by grade 1, 2, 3, 4 and not known (D5.1)."""


@pytest.mark.parametrize("finding", TIERS)
def test_tiers_of_the_findings_by_grade(post, finding):
    steady = {"haemodynamically_unstable": False, "controlled_by_pressure": True} if finding == "bleeding" else {}
    for grade, tier in zip([1, 2, 3, 4, None], TIERS[finding].split(), strict=True):
        stated = {"presence": "present", **({} if grade is None else {"grade": grade}), **steady}
        status, answer = post(
            {**body("M1_DENOVO_POLY", "PR", "C0"), "complications": {**CLEAR, finding: stated}}, QUERY
        )
        assert status == 200, answer
        assert answer["because"]["derived"]["complication_tier"] == tier, grade


def test_pm1_means_m1_and_histology_in_one_word(post):
    one_word = post({**body("M1_DENOVO_OLIGO", "SD", "C0"), "metastatic_status": "pM1", "lesion_count": 1}, QUERY)[1]
    two = post({**body("M1_DENOVO_OLIGO", "SD", "C0"), "metastasis_proof": "histology", "lesion_count": 1}, QUERY)[1]
    assert told(one_word) == told(two) == {"rule": "R20", "code": "NO_ROUTINE_LRT_STABLE", "direction": "against"}
