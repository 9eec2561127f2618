"""What is kept of earlier patients is what would be said without them."""

import random

from service.advice.decision import decide, supporting
from service.advice.question import Questioner
from service.advice.recommendation import recommend
from service.facts.normal_form import recount
from service.knowledge.guideline import Guideline

PATIENTS = 3_000


def test_a_row_tells_the_grades_and_warnings_of_the_whole_answer_without_its_words(guideline: Guideline) -> None:
    dice, vocabulary, wordings = random.Random(20261124), guideline.vocabulary, Questioner(guideline).wordings
    rules, warned, supported, lowered = set(), 0, 0, 0
    for _ in range(PATIENTS):
        # Values that seldom lie together, so that each modifier meets each rule; mostly no finding, which would lead.
        much, found = dice.choice((0.1, 0.3, 0.6)), dice.choice((0.0, 0.1, 0.4))
        moved = {
            each.name: dice.choice(each.values)
            for each in vocabulary.features
            if dice.random() < (found if each.name.startswith("complications.") else much)
        }
        if dice.random() < 0.7:
            moved |= {"metastatic_status": "M1", "presentation": "de_novo", "primary_tumour": "in_situ"}
        if not found:
            moved |= {each.name: "absent" for each in vocabulary.features if each.name.endswith(".presence")}
        decision = decide(guideline, recount(vocabulary, dict(vocabulary.nothing) | moved))
        for each in (decision, *supporting(decision)):
            whole, grades = recommend(each, wordings.words.spoken), wordings.grades(each)
            assert (grades.certainty, grades.urgency) == (whole.certainty, whole.urgency), each.rule.id
            assert grades.warnings == whole.warnings, each.rule.id
            rules.add(each.rule.id)
            warned += bool(whole.warnings)
            lowered += whole.certainty != each.rule.certainty
            supported += each is not decision
    assert len(rules) > len(guideline.rules) * 0.8
    assert min(warned, supported, lowered) > PATIENTS / 20
