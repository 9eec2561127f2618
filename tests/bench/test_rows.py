"""The benchmark's form: every row of the issue with its target, every figure beside a reference. Nothing is timed."""

import json
import re
import shutil
from itertools import islice
from pathlib import Path

import pytest

from bench import cohort
from bench.client import UnexpectedError, ask, request
from bench.copies import GUIDELINES, OTHER_ORGAN, CopiedContent
from bench.knowledge import guideline
from bench.large_table import large_table
from bench.patients import patients
from bench.records import bundle, laboratory_views, patient_views, records
from bench.report import BEGIN, DOCUMENT, END, RESULTS, document, floor_lines
from bench.row import Effort, Measure, Row, SkippedError, Spec, Target, measured
from bench.serving import FLOOR, serving
from bench.specs import SPECS
from service.engine.verify import verify
from service.knowledge.library import load_library
from service.settings import CONTENT

ROOT = Path(__file__).parents[2]
ASKED = {
    "recommend_warm": "ratio >= 0.9",
    "recommend_warm_bare": "ratio >= 0.65",
    "recommend_cold": "ratio >= 0.5",
    "recommend_redis": "ratio >= 0.6",
    "permalink_304": "ratio >= 0.9",
    "tail": "ratio <= 1.5",
    "patient_view_18kB": "ratio >= 0.6",
    "patient_view_cold": "ratio >= 0.6",
    "patient_view_labs": "None",
    "four_guidelines": "ratio <= 1.5",
    "extraction": "ratio <= 1.25",
    "jwt_verify_es384": "ratio >= 0.8",
    "jwt_verify_rs384": "ratio >= 0.8",
    "engine_us": "value <= 5",
    "engine_flat": "ratio <= 1.2",
    "proof_s": "value <= 1",
    "zen": "ratio >= 20",
    "start_s": "value <= 2",
    "worker_mb": "value <= 30",
}
"""Typed from the issues, so that no target is lowered unnoticed. (Of extraction it says that it grows linearly.)

patient_view_labs has a target beside an earlier commit only.
"""
MEMBERS = {
    "name", "unit", "value", "reference", "ratio", "target", "met", "compares", "rounds", "quartiles", "facts",
}  # fmt: skip


def test_the_rows_and_their_targets_are_those_of_the_issue():
    assert {name: str(spec.target) for name, spec in SPECS.items()} == ASKED
    assert all(spec.value and spec.reference and spec.unit for spec in SPECS.values())


@pytest.mark.parametrize("name", SPECS)
def test_a_row_is_measured_through_real_servers_and_has_a_reference(name):
    try:
        row = measured(SPECS[name], Effort(short=True)).as_json()
    except SkippedError as error:
        pytest.skip(str(error))
    assert set(row) == MEMBERS
    assert row["value"] > 0
    assert row["reference"] > 0
    assert row["ratio"] == pytest.approx(row["value"] / row["reference"], rel=0.01)
    assert len(row["rounds"]) == 1
    json.dumps(row)


def test_a_row_holds_the_medians_and_the_quartiles_of_its_rounds():
    spec = Spec("r", "s", Target.read("ratio <= 2"), "", "", lambda _: None)
    row = Row.of(spec, [(4.0, 1.0), (1.0, 1.0), (2.0, 1.0)], {})
    assert (row.value, row.reference, row.ratio, row.met) == (2, 1, 2, True)
    assert row.quartiles == {"value": (1.5, 3), "reference": (1, 1), "ratio": (1.5, 3)}
    assert row.rounds == ((4, 1), (1, 1), (2, 1))


@pytest.mark.parametrize(
    ("target", "value", "ratio", "met"),
    [("ratio >= 0.9", 1, 0.9, True), ("ratio >= 0.9", 1, 0.89, False), ("ratio <= 1.2", 9, 1.2, True),
     ("ratio <= 1.2", 1, 1.21, False), ("value <= 5", 5, 9, True), ("value <= 5", 5.1, 0.1, False)],
)  # fmt: skip
def test_a_target_is_of_the_ratio_or_of_the_value(target, value, ratio, met):
    assert Target.read(target).met(value, ratio) is met


@pytest.mark.parametrize("text", ["rate >= 1", "ratio > 1", "ratio >="])
def test_what_is_no_target_is_refused(text):
    with pytest.raises(ValueError, match=r"no target|not enough values"):
        Target.read(text)


def test_nine_rounds_are_measured_one_after_the_other():
    asked = []

    class Opened:
        def __enter__(self):
            return Measure(lambda: asked.append(1) or (1.0, 2.0))

        def __exit__(self, *_):
            asked.append("closed")

    row = measured(Spec("r", "s", Target.read("ratio <= 1"), "", "", lambda _: Opened()), Effort())
    assert asked == [1] * 9 + ["closed"]
    assert len(row.rounds) == 9


def test_the_patients_differ_and_are_the_same_on_every_run():
    one, other = patients(guideline()), patients(guideline())
    drawn = [next(one) for _ in range(200)]
    assert drawn == [next(other) for _ in range(200)]
    encoded = {json.dumps(each.point, sort_keys=True) for each in drawn}
    assert len(encoded) == 200


@pytest.mark.parametrize("rules", [1, 2, 25, 150])
def test_the_large_tables_have_as_many_rules_as_wanted_and_are_right(rules):
    of = large_table(rules)
    assert (len(of.rows), of.cells) == (rules, 10**8)
    assert verify(of) == []


def test_records_have_the_size_that_is_wanted():
    assert 18_000 <= len(next(patient_views(18_000, same_chart=True))) < 19_000
    assert 300_000 <= len(bundle(300_000)) < 310_000
    assert 17_000 <= len(next(records(18_000))) < 19_000


def test_the_laboratory_chart_is_of_60_kilobytes_and_has_200_values_that_no_code_list_names():
    body = next(laboratory_views())
    assert 55_000 <= len(body) <= 65_000
    entries = json.loads(body)["prefetch"]["observations"]["entry"]
    codes = [entry["resource"]["code"]["coding"][0]["code"] for entry in entries if "filler" in entry["resource"]["id"]]
    assert len(codes) == 200
    terminology = "".join(file.read_text() for file in (CONTENT / "terminology").glob("*.yaml"))
    assert not [code for code in set(codes) if code in terminology]


def test_copies_of_a_guideline_load_side_by_side_each_with_its_own_id_and_services(tmp_path):
    settings = CopiedContent(OTHER_ORGAN).write(tmp_path / "content", GUIDELINES)
    library = load_library(Path(settings["CONTENT"]))
    assert len(library.guidelines) == GUIDELINES
    assert settings["GUIDELINE"] in library.guidelines
    newest = [library.newest(name) for name in library.guidelines]
    services = [service.id for release in newest for service in release.cards.services]
    assert len(set(services)) == len(services) == GUIDELINES * 3


def test_a_row_of_four_guidelines_needs_a_record_of_other_content(tmp_path):
    content = CopiedContent()
    shutil.copytree(content.source / "guidelines", tmp_path / "content" / "guidelines")
    assert content.has_record
    with pytest.raises(SkippedError, match=r"record\.json"):
        measured(SPECS["four_guidelines"], Effort(short=True, content=tmp_path / "content"))


@pytest.mark.parametrize("same_chart", [True, False])
def test_calls_differ_in_their_id_alone_or_in_their_chart_too(same_chart):
    calls = [json.loads(body) for body in islice(patient_views(2_000, same_chart=same_chart), 20)]
    assert len({call.pop("hookInstance") for call in calls}) == 20
    assert len({json.dumps(call) for call in calls}) == (1 if same_chart else 20)


def test_an_answer_of_another_status_gives_no_figure():
    with serving(FLOOR) as floor, pytest.raises(UnexpectedError, match="404"):
        ask(floor.port, request("GET", "/elsewhere", floor.port))


def test_floor_is_the_eight_lines_that_are_printed():
    lines = [line for line in floor_lines().splitlines() if line.strip()]
    assert len(lines) == 8
    assert "get_data" in floor_lines()


def test_the_document_has_a_place_for_the_figures_and_they_are_those_of_the_results():
    text = DOCUMENT.read_text()
    assert text.index(BEGIN) < text.index(END)
    if RESULTS.exists():
        run = json.loads(RESULTS.read_text())
        names = [row["name"] for row in run["rows"]]
        # `make bench` begins a file anew, `make bench-cohort` goes on with it. A new row waits for the next whole run.
        assert names == [name for name in (*ASKED, *cohort.SPECS) if name in names]
        assert set(names) >= {"recommend_cold", "patient_view_cold", "extraction", "start_s"}
        assert all(len(row["rounds"]) == (1 if row["name"] in cohort.ONCE else 9) for row in run["rows"])
        assert document(run) in text


def test_bench_is_a_phony_target_that_takes_rows():
    text = (ROOT / "Makefile").read_text()
    assert re.search(r"^\.PHONY:.* bench ", text, re.MULTILINE)
    assert "-m bench $(ARGS)" in text
