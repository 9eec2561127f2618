"""What a case expects and an answer has otherwise is told, member by member."""

import pytest

from service.advice.case_check import differences_of_answer, differences_of_refusal, failing_cases
from service.advice.registry import GuidelineRegistry
from service.knowledge.library import load_library
from tests.conftest import NOON
from tests.toy.conftest import TOY


@pytest.fixture(scope="module")
def toys():
    return GuidelineRegistry.of(load_library(TOY))


@pytest.fixture(scope="module")
def answer(toys):
    questioner = toys.newest("toy-umbrella")
    facts = {"hazards": {"lightning": {"presence": "present"}, "hail": {"grade": 3}}}
    result = questioner.ask(facts, NOON.date())
    return toys.renderer(result).read(result, "full")


RIGHT = {
    "rule": "U02",
    "urgency": "urgent",
    "derived": {"hazard_tier": "T3"},
    "statement_contains": ["roof"],
    "statement_lacks": ["umbrella"],
    "must_check_contain": ["A ROOF"],
    "citations": ["TOY-STORM"],
    "supporting": [{"rule": "U02", "statement_contains": "head"}],
}


def test_an_answer_as_expected_has_no_difference(answer):
    assert differences_of_answer(answer, RIGHT) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"rule": "U03"},
        {"urgency": "soon"},
        {"derived": {"hazard_tier": "T4"}},
        {"statement_contains": ["tree"]},
        {"statement_lacks": ["roof"]},
        {"must_check_contain": ["tree"]},
        {"warnings_contain": ["tree"]},
        {"citations": ["TOY-RAIN"]},
        {"modifiers": ["WINDY"]},
        {"data_conflicts": ["X"]},
        {"refused": ["/x"]},
        {"supporting": []},
        {"supporting": [{"rule": "U03"}]},
        {"decisive": ["forecast"]},
        {"would_become": {"forecast": {"rain": "TAKE_UMBRELLA"}}},
        {"status": 422},
    ],
    ids=str,
)
def test_each_member_that_differs_is_told(answer, wrong):
    assert len(differences_of_answer(answer, RIGHT | wrong)) == 1


@pytest.mark.parametrize(
    ("expect", "count"),
    [
        ({"status": 422, "faults": [{"pointer": "/a", "rule": "W01"}], "urgent": "WAIT"}, 0),
        ({"status": 422, "faults": [{"pointer": "/b"}], "urgent": "WAIT"}, 1),
        ({"status": 422}, 1),
        ({"rule": "U03"}, 1),
    ],
)
def test_a_refusal_is_compared_by_its_faults_and_what_is_urgent(expect, count):
    assert len(differences_of_refusal([("/a", "W01")], "WAIT", expect)) == count


def test_the_cases_of_the_toy_are_as_they_say(toys):
    questioner = toys.newest("toy-umbrella")
    assert list(failing_cases(questioner, toys.renderers[questioner.guideline.key], NOON.date())) == []
