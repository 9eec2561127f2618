"""The gates of release 2026-12-01: cells that have a gate before them, asked with raw facts.

Asked is a seeded sample of the 812 pairs of a cell and a gate, GATE_PAIRS of them; all with GATE_PAIRS=812.
"""

import csv
import os
import random
from itertools import product

import pytest

from tests.advice.conftest import DATA
from tests.advice.test_decision_table import C, M, R, body, told
from tests.conftest import GUIDELINE
from tests.strategies import SCREEN

RELEASE = "2026-12-01"
QUERY = f"?release={RELEASE}"
PAIRS = int(os.environ.get("GATE_PAIRS", "250"))
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


def sample(rows):
    """Return PAIRS of the rows, some of every gate."""
    draw, count = random.Random(20261201), min(PAIRS, len(rows))
    each = [draw.choice([row for row in rows if row["gate"] == gate]) for gate in GATES]
    rest = [row for row in rows if row not in each]
    return each + draw.sample(rest, max(0, count - len(each)))


ASKED = sample(ROWS)


@pytest.fixture(scope="module")
def cells():
    with (DATA / f"decision_table_{RELEASE}.csv").open(newline="") as file:
        return {key(row): row for row in csv.DictReader(file)}


def test_the_enumeration_has_812_pairs_of_a_cell_and_a_gate():
    assert len({(*key(row), row["gate"]) for row in ROWS}) == len(ROWS) == 812
    assert {row["gate"] for row in ROWS} == set(GATES)


def test_the_gates_are_tried_in_their_order(library):
    assert list(library.guidelines[GUIDELINE][RELEASE].release.gates) == GATES


def test_the_sample_has_every_gate_and_becomes_the_whole():
    assert {row["gate"] for row in ASKED} == set(GATES)
    assert len({(*key(row), row["gate"]) for row in ASKED}) == len(ASKED) == max(len(GATES), min(PAIRS, len(ROWS)))


@pytest.mark.parametrize("row", ASKED, ids=["-".join((*key(row), row["gate"])) for row in ASKED])
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
        facts = SITUATIONS[gate](m, r, c)
        status, row = post(facts, f"{QUERY}&view=row")
        if status == 200 and row["rule"] == gate:
            answer = post(facts, QUERY)[1]
            assert tuple(answer["because"]["derived"].values()) in mine, (m, r, c)


FINDINGS = {"C3": ["infection", "dead tissue", None], "C2A": ["dead tissue", "ooze", None]}
"""Tier -> what may reach it instead of the finding of its cell."""
NO_GROWTH_OR_ELSEWHERE = {"CR_ALL", "CR_DISTANT", "PR", "SD", "NOT_STARTED"}


def gates_that_fit(m, r, c, s):
    """Yield the gates whose conditions hold, in their order, as the specification words them."""
    known, de_novo, clear = m.startswith("M1_"), m.startswith("M1_DENOVO"), c == "C0"
    elsewhere = r == "PD_DISTANT" and not s["grows"]
    holds = {
        "G02": s["dying"],
        "G03": s["finding"] == "infection",
        "G04": s["finding"] == "dead tissue" and not s["grows"],
        "G05": known and s["finding"] == "ooze" and not s["no drugs"] and r in {"PR", "CR_ALL", "CR_DISTANT"},
        "G06": known and clear and s["removed"] and s["grows"],
        "G01": known and clear and s["removed"],
        "G07": de_novo and clear and s["single"] and not s["nodes"] and (r in {"NOT_STARTED", "SD", "PR"} or elsewhere),
        "G10": de_novo and clear and s["nodes"] and (r in NO_GROWTH_OR_ELSEWHERE or elsewhere),
        "G08": known and clear and s["no drugs"],
        "G09": known and clear and r == "PD_DISTANT" and s["grows"],
    }
    yield from (gate for gate in GATES if holds[gate])


def several_at_once(m, r, c, s):
    """Return the facts of a situation in which any of the conditions may hold together."""
    facts = body(m, r, c, "resected" if s["removed"] else "in_situ")
    facts |= {"last_weeks_of_life": True} if s["dying"] else {}
    facts |= {"systemic_options": "none_left"} if s["no drugs"] else {}
    facts |= {"metastatic_sites": ["distant_node"]} if s["nodes"] else {}
    facts |= {"lesion_count": 1} if s["single"] else {}
    facts |= {"chemotherapy_response": GROWS[r]} if s["grows"] else {}
    made = {"infection": infected, "dead tissue": dead_tissue, "ooze": oozing}.get(s["finding"])
    if made is not None:
        facts["complications"] = made(m, r, c)["complications"]
        facts |= IRRADIATED if s["finding"] == "dead tissue" else {}
    return facts


def test_of_several_gates_the_first_that_fits_answers(post, cells):
    draw, seen = random.Random(20261202), set()
    places = [place for place in product(M, R, ["C3", "CU", *["C2A"] * 4, *["C0"] * 6]) if place[0] != "M0"]
    for m, r, c in draw.sample(places, min(PAIRS, len(places))):
        several = m.startswith("M1_") and m != "M1_DENOVO_BONE_ONLY"
        s = {name: draw.random() < 0.3 for name in ("dying", "removed", "no drugs")}
        s |= {name: several and draw.random() < 0.4 for name in ("nodes", "single")}
        s["grows"] = r == "PD_LOCAL" or (r in GROWS and draw.random() < 0.5)
        s["finding"] = draw.choice(FINDINGS.get(c, [None]))
        status, answer = post(several_at_once(m, r, c, s), QUERY)
        assert status == 200, (m, r, c, s, answer)
        assert tuple(answer["because"]["derived"].values()) == (m, r, c), s
        fitting = [*gates_that_fit(m, r, c, s), cells[m, r, c]["rule"]]
        assert told(answer)["rule"] == fitting[0], (m, r, c, s)
        seen.add((fitting[0], len(fitting) > 2))
    assert {gate for gate, _ in seen} >= set(GATES)
    assert len([gate for gate, beside_others in seen if beside_others]) >= 5


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
