"""`guideline new-release FROM TO`: the folder, and what in it is still old."""

import shutil

import pytest

from service.knowledge.library import load_library
from tests.toy.conftest import TOY, app_of

OLD, NEW = "2026-02-01", "2026-06-01"


@pytest.fixture
def content(tmp_path):
    return shutil.copytree(TOY, tmp_path / "content")


def run(content, *words):
    return app_of(content, "toy-umbrella").test_cli_runner().invoke(args=["guideline", "new-release", *words])


def test_the_copy_loads_beside_the_older_release_as_one_that_nobody_has_signed(content):
    folder = content / "guidelines" / "toy-umbrella"
    old = folder / OLD / "guideline.yaml"
    old.write_text(old.read_text().replace("sign_off: awaiting", "sign_off: signed"))
    assert run(content, OLD, NEW).exit_code == 0
    library = load_library(content)
    assert list(library.guidelines["toy-umbrella"]) == [OLD, NEW]
    release = library.find("toy-umbrella", NEW).release
    assert (release.release, release.sign_off) == (NEW, "awaiting")
    assert release.changes[0].startswith(NEW)
    assert library.find("toy-umbrella", OLD).release.sign_off == "signed"


def test_it_says_what_is_still_old(content):
    folder = content / "guidelines" / "toy-umbrella" / OLD
    attributes = dict.fromkeys(
        ("bibliographic_citation", "developer", "funding_source", "use_of_race", "use_of_ethnicity", "use_of_language",
         "use_of_sexual_orientation", "use_of_gender_identity", "use_of_sex", "use_of_date_of_birth",
         "use_of_social_determinants_of_health", "use_of_health_status_assessments"), "none"
    )  # fmt: skip
    attributes["release_and_revision_dates"] = f"Release {OLD}"
    with (folder / "guideline.yaml").open("a") as file:
        file.write("source_attributes:\n" + "".join(f"  {name}: {value}\n" for name, value in attributes.items()))
    lines = run(content, OLD, NEW).stdout
    for text in (
        "evidence_date is 2026-02-01",
        "review_by is 2027-02-01",
        f"source_attributes/release_and_revision_dates names {OLD}",
        "changes does not say yet what changed",
        "rules/U03.yaml",
    ):
        assert text in lines, text
    assert "source_attributes/developer" not in lines


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("2020-01-01", NEW), "no release 2020-01-01"),
        ((OLD, OLD), "exists already"),
        ((OLD, "2026-01-01"), "sorts before"),
        ((OLD, "new_one"), "letters, digits and hyphens"),
        ((OLD, "../2027"), "letters, digits and hyphens"),
    ],
)
def test_what_would_be_no_new_release_is_refused(content, words, reason):
    result = run(content, *words)
    assert result.exit_code == 1
    assert reason in result.stderr
