"""The comparison of two releases as lines for a terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

WHY = {
    "gate": "asked before the decision table",
    "table": "another rule in the decision table",
    "facts": "the facts are read otherwise",
}
"""Why an answer is another."""


def diff_lines(diff: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a comparison, as compare_releases gives it."""
    counts = diff["counts"]
    yield f"{diff['guideline']} {diff['from']['release']} -> {diff['to']['release']}"
    yield f"cells with another rule: {counts['cells_with_another_rule']} of {counts['cells']}"
    yield (
        f"patients of the worked cases: {counts['patients']}; another answer {counts['patients_with_another_rule']}, "
        f"other words {counts['patients_with_other_words']}"
    )
    yield from ("", "WHO GETS ANOTHER ANSWER")
    for change in diff["answers"]:
        yield f"- {change['before']['title']} -> {change['after']['title']}"
        yield f"    {WHY[change['why']]}; {change['patients']} of the worked cases"
        yield from (f"    cell: {'; '.join(cell)}" for cell in change["cells"])
        yield from _example(change["patient"])
    yield from ("", "THE SAME ANSWER, GRADED OTHERWISE")
    for change in diff["grades"]:
        yield f"- {change['title']}: {change['grade']} {change['before']} -> {change['after']} ({change['patients']})"
        yield from _example(change["patient"])
    yield from ("", "THE SAME ANSWER IN OTHER WORDS")
    for change in diff["wording"]:
        yield f"- {change['title']} ({change['patients']})"
        for pair in change["sentences"]:
            yield from (f"    before: {pair['before']}", f"    now: {pair['after']}")
            yield from _example(pair["patient"])
        if change["further_sentences"]:
            yield f"    and {change['further_sentences']} more sentences"
    yield from ("", "THE SAME ANSWER WITH OTHER OPTIONS")
    for change in diff["options"]:
        yield f"- {change['title']} ({change['patients']})"
        yield from (f"    added: {text}" for text in change["added"])
        yield from (f"    no longer: {text}" for text in change["removed"])
    yield from ("", "FACTS AND EVIDENCE")
    yield from (f"- new fact: {title}" for title in diff["facts"]["added"])
    yield from (f"- fact no longer asked: {title}" for title in diff["facts"]["removed"])
    yield from (f"- {each['fact']}, new: {'; '.join(each['values'])}" for each in diff["facts"]["values_added"])
    for outcome in diff["evidence"]["outcomes"]:
        yield from (f"- {outcome['title']}: {change}" for change in outcome["changes"])
    yield from (f"- source added: {source['name']}, {source['title']}" for source in diff["evidence"]["sources_added"])
    yield from (f"- source no longer cited: {source['name']}" for source in diff["evidence"]["sources_removed"])


def _example(patient: Mapping[str, Any] | None) -> Iterator[str]:
    if patient is None:
        return
    facts = "; ".join(f"{each['fact']}: {each['value']}" for each in patient["facts"])
    name = patient["case"] or "one fact away from a worked case"
    yield f"    for example ({name}): {facts or 'nothing is known'}"
