"""The complication tier: D5.1 whole, typed here from the specification and asked with raw facts."""

from itertools import product

import pytest

from service.knowledge.guideline import Guideline
from tests.strategies import ASSERTING, EMERGENCIES, SCREEN, TYPES

ORDER = ["C4", "C3", "C2A", "C2B", "C1", "CU", "C0"]
CLEAR = dict.fromkeys(SCREEN, "absent")
STABLE = {"haemodynamically_unstable": False, "controlled_by_pressure": True}
GRADES = [1, 2, 3, 4, None]

# D5.1: type -> tier at G1, G2, G3, G4 and grade unknown; the bleeding is known to be stable, no sepsis sign is there.
D51 = {
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
CASES = [(kind, grade, tier) for kind, row in D51.items() for grade, tier in zip(GRADES, row.split(), strict=True)]
# D5.1, last column: what a flag makes of each grade (None: nothing).
FLAGS = {
    ("bleeding", "haemodynamically_unstable", True): "C4 C4 C4 C4 C4",
    ("bleeding", "haemodynamically_unstable", None): "C3 C3 C3 C4 C3",
    ("bleeding", "controlled_by_pressure", False): "C4 C4 C4 C4 C4",
    ("bleeding", "controlled_by_pressure", None): "C3 C3 C3 C4 C3",
    ("ulceration", "vessel_exposed", True): "C4 C4 C4 C4 C4",
    ("ulceration", "vessel_exposed", False): D51["ulceration"],
    ("ulceration", "pleura_exposed", True): "C4 C4 C4 C4 C4",
    ("ulceration", "pleura_exposed", False): D51["ulceration"],
    ("fungation", "vessel_exposed", True): "C4 C4 C4 C4 C4",
    ("fungation", "vessel_exposed", False): D51["fungation"],
    ("fungation", "pleura_exposed", True): "C4 C4 C4 C4 C4",
    ("fungation", "pleura_exposed", False): D51["fungation"],
    ("chest_wall_necrosis", "pleura_exposed", True): "C4 C4 C4 C4 C4",
    ("chest_wall_necrosis", "pleura_exposed", False): D51["chest_wall_necrosis"],
    ("infection", "necrotising", True): "C4 C4 C4 C4 C4",
    ("infection", "necrotising", False): D51["infection"],
    ("pain", "controlled", True): "C1 C2B C2B C2B C2B",
    ("pain", "controlled", False): D51["pain"],
    ("plexopathy", "new_motor_deficit", True): "C3 C3 C3 C3 C3",
    ("plexopathy", "new_motor_deficit", False): D51["plexopathy"],
    ("chest_wall_invasion", "symptomatic", True): "C2B C2B C2B C2B C2B",
    ("chest_wall_invasion", "symptomatic", False): D51["chest_wall_invasion"],
}
FLAG_CASES = [
    (flag, grade, tier) for flag, row in FLAGS.items() for grade, tier in zip(GRADES, row.split(), strict=True)
]
# D3: the lowest and the highest grade that is defined; None where a grade means nothing (fungation: as ulceration; the
# grades of discharge, for which CTCAE has no term, are the specification's own).
RANGE = {
    "bleeding": (1, 4),
    "ulceration": (1, 4),
    "fungation": (1, 4),
    "chest_wall_necrosis": (2, 4),
    "infection": (2, 4),
    "sepsis_signs": (3, 4),
    "pain": (1, 3),
    "mass_effect": None,
    "odour": (1, 2),
    "discharge": (1, 2),
    "lymphoedema": (1, 3),
    "plexopathy": (1, 3),
    "chest_wall_invasion": None,
    "impending_breakthrough": None,
}


def entry(kind, grade=None, **flags):
    stated = {"presence": "present", **(STABLE if kind == "bleeding" else {}), **flags}
    stated |= {} if grade is None else {"grade": grade}
    return {name: value for name, value in stated.items() if value is not None}


@pytest.fixture(scope="session")
def tier(post):
    """The tier of these complications; other members beside them."""

    def asked(complications, **others):
        status, answer = post({"metastatic_status": "M1", "complications": complications, **others})
        assert status == 200, answer
        return answer["because"]["derived"]["complication_tier"]

    return asked


def test_the_table_speaks_of_every_type_and_every_flag():
    assert set(D51) == set(RANGE) == set(TYPES)
    assert {(kind, flag) for kind, flags in TYPES.items() for flag in flags} == {case[:2] for case in FLAGS}


@pytest.mark.parametrize(("kind", "grade", "expected"), CASES)
def test_d51_type_and_grade_give_the_tier(tier, kind, grade, expected):
    assert tier({**CLEAR, kind: entry(kind, grade)}) == expected
    unknown = {**entry(kind), "grade": "unknown"}
    if grade is None:
        assert tier({**CLEAR, kind: unknown}) == expected


@pytest.mark.parametrize(("stated", "grade", "expected"), FLAG_CASES)
def test_d51_a_flag_changes_the_tier_as_its_column_says(tier, stated, grade, expected):
    kind, flag, value = stated
    assert tier({**CLEAR, kind: entry(kind, grade, **{flag: value})}) == expected


@pytest.mark.parametrize("grade", [1, 2])
@pytest.mark.parametrize(
    ("member", "safe", "risky"),
    [
        ("platelets_10e9_per_l", 50, 49.9),
        ("platelets_10e9_per_l", 50.0, 49),
        ("haemoglobin_g_per_dl", 8, 7.9),
        ("haemoglobin_g_per_dl", 8.0, 7.999),
        ("anticoagulated", False, True),
    ],
)
def test_d51_a_bleeding_risk_raises_stable_bleeding_strictly_below_its_threshold(tier, grade, member, safe, risky):
    bleeding = {**CLEAR, "bleeding": entry("bleeding", grade)}
    assert tier(bleeding, **{member: safe}) == "C2A"
    assert tier(bleeding, **{member: "unknown"}) == "C2A"
    assert tier(bleeding, **{member: risky}) == "C3"


@pytest.mark.parametrize(
    ("member", "value"), [("platelets_10e9_per_l", 10), ("haemoglobin_g_per_dl", 5), ("anticoagulated", True)]
)
def test_d51_a_bleeding_risk_without_bleeding_raises_nothing(tier, member, value):
    assert tier("none", **{member: value}) == "C0"
    assert tier({**CLEAR, "ulceration": "present"}, **{member: value}) == "C2A"
    assert tier({**CLEAR, "bleeding": "unknown"}, **{member: value}) == "CU"


def test_d51_unknown_bleeding_risks_are_a_check_and_missing_facts(post):
    body = {"metastatic_status": "M1", "presentation": "de_novo", "primary_tumour": "in_situ"}
    body["complications"] = {**CLEAR, "bleeding": entry("bleeding", 1)}
    answer = post(body)[1]
    assert {"platelets_10e9_per_l", "haemoglobin_g_per_dl", "anticoagulated"} <= {
        item["fact"] for item in answer["missing_facts"] if item["decisive"]
    }
    told = " ".join(answer["must_check"]).lower()
    assert all(word in told for word in ("platelets", "haemoglobin", "anticoagulant"))


@pytest.mark.parametrize(("grade", "expected"), [(1, "C3"), (2, "C3"), (3, "C3"), (4, "C4"), (None, "C3")])
@pytest.mark.parametrize("sepsis", [{}, {"sepsis_signs": "unknown"}, {"sepsis_signs": None}])
def test_d51_an_infection_with_sepsis_signs_unknown_is_urgent_at_least(tier, grade, expected, sepsis):
    clear = {name: "absent" for name in SCREEN if name != "sepsis_signs"}
    assert tier({**clear, **sepsis, "infection": entry("infection", grade)}) == expected
    assert tier({**clear, "sepsis_signs": "present", "infection": entry("infection", grade)}) == "C4"
    if grade is not None:
        assert tier({**clear, **sepsis, "infection": {"grade": grade}}) == expected


@pytest.mark.parametrize("complications", ["none", "unknown", None, [], ["odour"], dict.fromkeys(TYPES, "absent")])
def test_d51_fever_within_6_weeks_of_chemotherapy_is_c4_whatever_else_is_said(tier, complications):
    assert tier(complications, fever_within_6_weeks_of_chemotherapy=True) == "C4"
    assert tier(complications, fever_within_6_weeks_of_chemotherapy=False) != "C4"


@pytest.mark.parametrize(("kind", "grade"), [(kind, grade) for kind in TYPES for grade in (1, 2, 3, 4)])
def test_d51_a_grade_beyond_what_ctcae_defines_counts_as_the_nearest_and_is_warned_of(post, tier, kind, grade):
    warned = any(
        f"complications.{kind}.grade" in warning["facts"]
        for warning in post({"complications": {**CLEAR, kind: entry(kind, grade)}})[1]["warnings"]
    )
    if RANGE[kind] is None:
        assert warned, "it has no grades at all"
        return
    lowest, highest = RANGE[kind]
    counted = min(max(grade, lowest), highest)
    assert warned == (counted != grade)
    assert tier({**CLEAR, kind: entry(kind, grade)}) == tier({**CLEAR, kind: entry(kind, counted)})


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("grade", [1, 2, 3, 4])
@pytest.mark.parametrize("presence", [{}, {"presence": "unknown"}, {"presence": None}])
def test_d3_a_grade_without_presence_is_present_with_a_warning(post, kind, grade, presence):
    stated = {**entry(kind, grade), "presence": "present"}
    given = post({"complications": {**CLEAR, kind: stated}})[1]
    read = post(
        {"complications": {**CLEAR, kind: {**{k: v for k, v in stated.items() if k != "presence"}, **presence}}}
    )[1]
    assert read["because"]["derived"] == given["because"]["derived"]
    assert f"read_as_present_{kind}" in [warning["code"] for warning in read["warnings"]]
    assert f"read_as_present_{kind}" not in [warning["code"] for warning in given["warnings"]]


FLAGGED = [(kind, flag) for kind, flags in TYPES.items() for flag in flags if flag in ASSERTING]


@pytest.mark.parametrize(("kind", "flag"), FLAGGED)
def test_d3_an_asserting_flag_means_present_and_beside_absent_is_v09_unless_it_is_an_emergency(post, kind, flag):
    asserts = ASSERTING[flag]
    alone = post({"metastatic_status": "M1", "complications": {**CLEAR, kind: {flag: asserts}}})[1]
    expected = FLAGS[kind, flag, asserts].split()[-1]
    assert alone["because"]["derived"]["complication_tier"] == expected
    assert f"read_as_present_{kind}" in [warning["code"] for warning in alone["warnings"]]
    status, answer = post(
        {"metastatic_status": "M1", "complications": {**CLEAR, kind: {"presence": "absent", flag: asserts}}}
    )
    if expected == "C4":
        assert status == 200
        assert answer["recommendations"][0]["rule"] == "R01"
        assert [item["rule"] for item in answer["data_conflicts"]] == ["V09"]
    else:
        assert status == 422
        assert [(e["pointer"], e["rule"]) for e in answer["errors"]] == [(f"/complications/{kind}/{flag}", "V09")]


@pytest.mark.parametrize(("kind", "flag"), [(kind, flag) for kind, flags in TYPES.items() for flag in flags])
def test_d3_a_flag_that_asserts_nothing_leaves_an_unknown_complication_unknown(tier, kind, flag):
    quiet = not ASSERTING.get(flag, True)
    values = [quiet] if flag in ASSERTING else [True, False]
    for value in values:
        assert tier({**CLEAR, kind: {flag: value}}) == ("CU" if kind in SCREEN else "C0")
        assert tier({**CLEAR, kind: {"presence": "absent", flag: value}}) == "C0"


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("grade", [1, 2, 3, 4, 5])
def test_v09_a_grade_beside_absent_is_refused_unless_it_is_an_emergency(post, kind, grade):
    status, answer = post({"complications": {**CLEAR, kind: {"presence": "absent", "grade": grade}}})
    amounts = D51[kind].split()[grade - 1] if grade < 5 else None
    if amounts == "C4":
        assert (status, answer["recommendations"][0]["rule"]) == (200, "R01")
    else:
        assert status == 422
        assert ("V09", f"/complications/{kind}/grade") in [(e.get("rule"), e["pointer"]) for e in answer["errors"]]


@pytest.mark.parametrize("kind", TYPES)
def test_v09_grade_0_beside_present_and_grade_5_are_refused(post, kind):
    assert post({"complications": {**CLEAR, kind: {"grade": 5}}})[0] == 422
    status, answer = post({"complications": {**CLEAR, kind: {"presence": "present", "grade": 0}}})
    if kind == "sepsis_signs":
        assert (status, answer["recommendations"][0]["rule"]) == (200, "R01")
    else:
        assert (status, answer["errors"][0]["rule"]) == (422, "V09")


@pytest.mark.parametrize(("one", "other"), [(one, other) for one, other in product(TYPES, TYPES) if one < other])
def test_d5_the_worst_complication_wins(tier, one, other):
    for grade, other_grade in ((1, 2), (3, 1), (None, None)):
        expected = [D51[kind].split()[GRADES.index(g)] for kind, g in ((one, grade), (other, other_grade))]
        both = tier({**CLEAR, one: entry(one, grade), other: entry(other, other_grade)})
        assert both == min(expected, key=ORDER.index)


@pytest.mark.parametrize("kind", SCREEN)
def test_d5_c0_needs_every_member_of_the_screen_absent(tier, kind):
    assert tier(CLEAR) == "C0"
    assert tier({name: value for name, value in CLEAR.items() if name != kind}) == "CU"
    assert tier({**dict.fromkeys(TYPES, "absent"), kind: "unknown"}) == "CU"


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind not in SCREEN])
def test_d5_an_unknown_complication_outside_the_screen_does_not_prevent_c0(tier, kind):
    assert tier({**dict.fromkeys(TYPES, "absent"), kind: "unknown"}) == "C0"


REACHED = [("C2A", "ulceration"), ("C2B", "odour"), ("C1", "impending_breakthrough")]


@pytest.mark.parametrize(
    ("reached", "found", "kind"), [(*case, kind) for case in REACHED for kind in SCREEN if kind not in case]
)
def test_d5_a_tier_reached_while_the_screen_is_not_whole_stands_and_names_what_to_examine(post, reached, found, kind):
    stated = {name: value for name, value in CLEAR.items() if name != kind}
    body = {"metastatic_status": "M1", "presentation": "de_novo", "complications": {**stated, found: "present"}}
    answer = post(body)[1]
    assert answer["because"]["derived"]["complication_tier"] == reached
    assert any(kind.replace("_", " ").split()[0] in check for check in answer["must_check"])
    (named,) = [item for item in answer["missing_facts"] if item["fact"] == f"complications.{kind}"]
    # An infection without systemic signs is C2B: it outranks C1 only.
    assert named["decisive"] == (kind != "infection" or reached == "C1")


def test_d5_at_an_urgent_tier_an_unknown_sign_of_sepsis_is_named_and_would_be_an_emergency(post):
    clear = {name: "absent" for name in SCREEN if name != "sepsis_signs"}
    answer = post({"complications": {**clear, "bleeding": {**entry("bleeding", 3)}}})[1]
    assert answer["because"]["derived"]["complication_tier"] == "C3"
    (named,) = [item for item in answer["missing_facts"] if item["fact"] == "complications.sepsis_signs"]
    assert named["would_become"]["present"]["code"] == "EMERGENCY_PATHWAY"


@pytest.mark.parametrize(("member", "value"), EMERGENCIES, ids=str)
def test_every_c4_criterion_alone_is_r01(post, member, value):
    status, answer = post({member: value})
    assert status == 200
    assert answer["recommendations"][0]["code"] == "EMERGENCY_PATHWAY"
    assert answer["because"]["derived"]["complication_tier"] == "C4"


def test_a_finding_of_which_nothing_is_said_is_unknown_and_never_absent(guideline: Guideline) -> None:
    nothing = guideline.vocabulary.nothing
    assert len(guideline.finding_tiers) == len(TYPES)
    for finding, tier in guideline.finding_tiers:
        assert guideline.chain.derive(nothing)[tier] == "UNKNOWN"
        assert guideline.chain.derive({**nothing, f"complications.{finding}.presence": "absent"})[tier] == "ABSENT"
