"""`flask cohort` answers by any guideline of the content, each of which is a folder of YAML, as the API does."""

import datetime as dt
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from service.cohort.bodies import Bodies
from service.cohort.reading import columns_of
from service.knowledge.guideline import Guideline
from service.knowledge.vocabulary import (
    Choice,
    Date,
    Fact,
    Finding,
    Findings,
    Flag,
    Members,
    Number,
    Record,
    ReferenceDate,
    Vocabulary,
)
from tests.cohort.conftest import compare, expected, read, write_csv
from tests.toy.conftest import MARCH, TOY, app_of

IDS = ("toy-boots", "toy-coat", "toy-umbrella")
NUMBER = 400
Dice = random.Random


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The invented guidelines, and one whose large table reads a fact that stands beside what follows from it."""
    folder = tmp_path_factory.mktemp("guidelines") / "content"
    shutil.copytree(TOY, folder)
    shutil.copytree(Path(__file__).parent / "content", folder, dirs_exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def apps(content: Path) -> dict[str, Flask]:
    """An application for each guideline, which is its default."""
    return {name: app_of(content, name) for name in IDS}


@pytest.fixture
def command(apps: dict[str, Flask]) -> Callable[..., Result]:
    """A command of an application with another default than the guideline asked."""

    def invoke(guideline: str, *words: object) -> Result:
        other = apps["toy-coat" if guideline != "toy-coat" else "toy-boots"]
        with other.app_context():  # pytest-flask has pushed that of the shipped guideline
            return other.test_cli_runner().invoke(args=["cohort", *map(str, words), "--guideline", guideline])

    return invoke


def guideline_of(app: Flask, name: str) -> Guideline:
    found: Guideline = app.config["KNOWLEDGE"].newest(name).guideline
    return found


def bodies(vocabulary: Vocabulary, dice: Dice) -> list[dict[str, Any]]:
    """Return bodies with any facts of a vocabulary, some of which contradict each other."""
    return [
        {name: value_of(fact, dice) for name, fact in vocabulary.facts.items() if dice.random() < 0.8}
        for _ in range(NUMBER)
    ]


def value_of(fact: Fact, dice: Dice) -> Any:  # noqa: PLR0911 - one for each kind of fact
    match fact:
        case Choice():
            return dice.choice([*fact.words, "unknown"])
        case Flag():
            return dice.choice([True, False, "unknown"])
        case Number():
            number = dice.uniform(fact.minimum, fact.maximum)
            return round(number) if fact.whole else round(number, 1)
        case Date() | ReferenceDate():
            return (MARCH.date() - dt.timedelta(days=dice.randint(0, 6))).isoformat()
        case Members():
            return dice.sample(list(fact.words), dice.randint(0, len(fact.words)))
        case Record():
            return {name: value_of(part, dice) for name, part in fact.members.items() if dice.random() < 0.8}
        case Findings():
            return dice.choice(["none", dice.sample(list(fact.findings), 1), findings_of(fact, dice)])
        case _:
            raise TypeError(fact)


def findings_of(fact: Findings, dice: Dice) -> dict[str, Any]:
    return {name: finding_of(finding, dice) for name, finding in fact.findings.items() if dice.random() < 0.7}


def finding_of(finding: Finding, dice: Dice) -> dict[str, Any]:
    stated: dict[str, Any] = {"presence": dice.choice(["present", "present", "absent", "unknown"])}
    if dice.random() < 0.3:
        stated["grade"] = dice.randint(1, 4)
    return stated | {name: value_of(flag, dice) for name, flag in finding.flags.items() if dice.random() < 0.3}


@pytest.mark.parametrize("guideline", IDS)
@pytest.mark.parametrize("ending", [".csv", ".ndjson"])
def test_a_file_is_answered_by_the_guideline_that_is_named_as_the_api_answers(
    apps: dict[str, Flask], command, tmp_path: Path, guideline: str, ending: str
) -> None:
    asked = guideline_of(apps[guideline], guideline)
    worked = [case.facts for case in asked.cases if case.facts is not None]
    lines = [json.dumps(body) for body in [*worked, *bodies(asked.vocabulary, Dice(7))]]
    source, target = tmp_path / f"in{ending}", tmp_path / f"out{ending}"
    if ending == ".csv":
        cells = [(line, found) for line in lines if (found := Bodies(asked.vocabulary).cells(line.encode()))]
        lines = [line for line, _ in cells]
        write_csv(source, [found for _, found in cells], list(columns_of(asked.vocabulary)))
    else:
        source.write_text("\n".join(lines) + "\n")
    done = command(guideline, "run", source, target)
    assert done.exit_code == 0, done.output
    wanted = expected(apps[guideline], lines)
    compare(read(target), wanted, lines)
    assert len(lines) > NUMBER / 2
    assert {row["rule"] for row in wanted} - {None} == set(asked.rules)
    told = json.loads((tmp_path / f"out{ending}.report.json").read_text())
    assert told["guideline"]["id"] == guideline
    assert told["read_by_relations"] > told["patients"] / 2


def test_the_columns_are_those_of_the_guideline_that_is_named(command) -> None:
    assert command("toy-coat", "columns").stdout == "temperature\tTemperature\n"
    assert command("toy-boots", "columns").stdout.startswith("boots\tBoots\npath\tThe path\n")


@pytest.mark.parametrize("guideline", IDS)
def test_the_relations_of_any_guideline_are_exported(command, tmp_path: Path, guideline: str) -> None:
    done = command(guideline, "export", tmp_path / "relations")
    assert done.exit_code == 0, done.output
    told = json.loads((tmp_path / "relations" / "columns.json").read_text())
    assert told["guideline"] == guideline
