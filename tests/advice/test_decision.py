"""A trial decides as a new question would: what a missing fact would make of the answer is never guessed."""

import random

from service.advice.decision import decide, decided
from service.knowledge.guideline import Guideline


def test_what_is_decided_after_a_change_is_what_would_be_decided_anew(guideline: Guideline) -> None:
    """Each feature of the vocabulary is changed to each of its values, from forty patients."""
    dice = random.Random(4711)
    features = guideline.vocabulary.features
    for _ in range(40):
        stated = {each.name: dice.choice(each.values) for each in features}
        stated = {**guideline.vocabulary.nothing, **stated} if dice.random() < 0.5 else {
            **guideline.vocabulary.nothing,
            **dict(dice.sample(sorted(stated.items()), 8)),
        }  # fmt: skip
        before = decide(guideline, stated)
        for feature in features:
            for value in feature.values:
                changes = {feature.name: value}
                amended = {**before.point, **guideline.chain.moved(before.point, changes)}
                assert decided(guideline, amended) == decide(guideline, {**stated, **changes})
