"""What is not known is found by trying; that most trials are left out must never show."""

import random
from collections.abc import Callable, Iterator, Sequence

from service.advice.decision import Decision, contradictions, decide
from service.advice.missing import missing_facts
from service.advice.question import Questioner
from service.engine.vocabulary import UNKNOWN
from service.facts.normal_form import recount
from service.knowledge.guideline import Guideline
from service.knowledge.vocabulary import Findings, Stated

PATIENTS = 150


def patients(guideline: Guideline) -> Iterator[dict[str, str]]:
    """Patients without an emergency and without contradictions, most with most findings absent."""
    dice, vocabulary = random.Random(20261123), guideline.vocabulary
    found = 0
    while found < PATIENTS:
        stated, much = dict(vocabulary.nothing), dice.choice((0.05, 0.2, 0.5))
        for feature in vocabulary.features:
            if feature.name.endswith(".presence") and dice.random() < 0.8:
                stated[feature.name] = dice.choice((*["absent"] * 8, "present"))
            elif not feature.name.startswith("complications.") and dice.random() < much:
                stated[feature.name] = dice.choice(feature.values)
        decision = decide(guideline, recount(vocabulary, stated))
        if not decision.emergency and not contradictions(decision):
            found += 1
            yield stated


def unknown(decision: Decision, stated: dict[str, str]) -> Iterator[tuple[str, Sequence[Stated]]]:
    """Each unknown fact with its values: of findings first that there is none, then each, then what is open of it."""
    guideline = decision.guideline
    for fact in guideline.vocabulary.askable:
        if not isinstance(fact, Findings):
            if stated[fact.first] == UNKNOWN:
                yield fact.path, fact.statable
            continue
        findings = fact.findings.values()
        present = [each for each in findings if guideline.present(each, decision.point)]
        if not present and any(stated[each.presence] == UNKNOWN for each in findings):
            yield fact.path, [("none", {each.presence: "absent" for each in findings})]
        for each in findings:
            if each not in present and stated[each.presence] == UNKNOWN:
                yield each.path, [(value, {each.presence: value}) for value in ("absent", "present")]
            if each in present and each.ctcae is not None and stated[each.grade] == UNKNOWN:
                yield each.grade, [(grade, {each.grade: grade}) for grade in "1234"]
            for flag in each.flags.values() if each in present else ():
                if stated[flag.path] == UNKNOWN:
                    yield flag.path, flag.statable


def everything_tried(
    decision: Decision, stated: dict[str, str], questioner: Questioner
) -> dict[str, tuple[bool, dict]]:
    """The same without any short cut: each value of each unknown fact, asked anew."""
    guideline, wordings = decision.guideline, questioner.wordings
    given = wordings.of(decision)
    held = {clause.id for clause in guideline.implausible.at(decision.point)}
    found = {}
    for path, statable in unknown(decision, stated):
        would_become = {}
        for value, changes in statable:
            trial = decide(guideline, {**stated, **changes})
            brought = {clause.id for clause in guideline.implausible.at(trial.point)} - held
            if not brought and (trial.emergency or not contradictions(trial)):
                would_become[value] = wordings.outcome(trial.point)
        same = (given.rule.code, given.statement, given.certainty)
        differs = any((each.rule.code, each.statement, each.certainty) != same for each in would_become.values())
        if differs or path in guideline.vocabulary.screened:
            decisive = any(each.rule.code != given.rule.code for each in would_become.values())
            found[path] = (decisive, would_become)
    return found


def test_what_is_left_out_of_the_trials_changes_nothing(guideline: Guideline) -> None:
    """Findings too; those of the screen are told also where they would change nothing."""
    questioner = Questioner(guideline)
    seen = set()
    for stated in patients(guideline):
        decision = decide(guideline, stated)
        given = questioner.wordings.of(decision)
        missing = missing_facts(decision, given, questioner.wordings)
        tried = everything_tried(decision, stated, questioner)
        told = {each.fact: (each.decisive, each.would_become) for each in missing}
        assert told == tried
        seen |= told.keys()
    assert {"metastatic_status", "chemotherapy_response.overall", "primary_tumour", "inflammatory"} <= seen
    assert {"complications.sepsis_signs", "complications.bleeding"} <= seen


def test_an_implausible_pair_on_record_hides_no_missing_fact(post: Callable[..., tuple[int, dict]]) -> None:
    """C4: whether there are signs of sepsis is asked of a patient of whom it says male and pregnant, too."""
    facts = {"metastatic_status": "M1", "chemotherapy_response": {"overall": "CR"}}
    _, plain = post(facts)
    _, odd = post(facts | {"sex": "male", "pregnant": True})
    values = {item["fact"]: list(item["would_become"]) for item in odd["missing_facts"]}
    assert "male_and_pregnant" in [each["code"] for each in odd["warnings"]]
    assert values["complications.sepsis_signs"] == ["absent", "present"]
    assert values == {
        item["fact"]: list(item["would_become"]) for item in plain["missing_facts"] if item["fact"] in values
    }
