"""What was proved once is not proved again, and nothing that was not proved passes for it."""

import shutil

import pytest

from service.knowledge import release_folder
from service.knowledge.library import load_library
from service.knowledge.proof import PROOF

FAULT = "\n  - {name: a case that expects nothing, protects: [U03]}\n"


@pytest.fixture
def verified(monkeypatch):
    """The names of the decision tables that were proved, in order."""
    names, verify = [], release_folder.verify

    def noted(table):
        names.append(table.name)
        return verify(table)

    monkeypatch.setattr(release_folder, "verify", noted)
    return names


def test_a_second_start_proves_nothing_again_and_knows_the_same(toy, verified):
    first = toy.guideline()
    assert verified
    assert (toy.root / PROOF).exists()
    verified.clear()
    second = toy.guideline()
    assert verified == []
    assert second.digest == first.digest
    assert second.cases == first.cases


def test_on_demand_it_is_proved_again(toy, verified):
    toy.load()
    verified.clear()
    load_library(toy.root, prove=True)
    assert verified


@pytest.mark.parametrize("file", ["cases/toy.yaml", "rules/U03.yaml", "/citations/TOY-STORM.yaml"])
def test_one_changed_byte_and_all_is_proved_again(toy, verified, file):
    toy.load()
    verified.clear()
    toy.add(file, "#")
    toy.load()
    assert verified


def test_a_fault_of_a_worked_case_stops_a_start_although_there_was_a_proof(toy):
    toy.load()
    toy.add("cases/toy.yaml", FAULT)
    assert toy.faults()


def test_what_has_a_fault_is_never_noted_as_proved(toy):
    toy.add("cases/toy.yaml", FAULT)
    assert toy.faults()
    assert not (toy.root / PROOF).exists()


def test_what_changes_while_it_is_read_is_not_noted_as_proved(toy, verified, monkeypatch):
    verify = release_folder.verify

    def while_it_is_read(table):
        toy.add("rules/U03.yaml", "#")
        return verify(table)

    with monkeypatch.context() as patch:
        patch.setattr(release_folder, "verify", while_it_is_read)
        toy.load()
    verified.clear()
    toy.load()
    assert verified


def test_a_proof_of_other_content_counts_for_nothing(toy, tmp_path, verified):
    toy.load()
    other = tmp_path / "other"
    shutil.copytree(toy.root, other)
    rule = other / toy.release.relative_to(toy.root) / "rules" / "U03.yaml"
    rule.write_text(rule.read_text() + "# another word\n")
    verified.clear()
    load_library(other)
    assert verified


@pytest.mark.parametrize("noted", [b"", b"\xff\xfe", b"0" * 64])
def test_a_proof_that_says_something_else_counts_for_nothing(toy, verified, noted):
    toy.load()
    (toy.root / PROOF).write_bytes(noted)
    verified.clear()
    toy.load()
    assert verified


def test_where_nothing_may_be_written_it_loads_all_the_same(toy, verified):
    (toy.root / PROOF).mkdir()  # no file can take its place, whoever asks
    toy.load()
    verified.clear()
    toy.load()
    assert verified


def test_some_guidelines_alone_leave_no_proof_of_all(toy):
    load_library(toy.root, ["toy-umbrella"])
    assert not (toy.root / PROOF).exists()
