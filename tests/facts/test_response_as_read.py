"""D2, first step: how each stated word of a response is read before the parts are joined."""

from itertools import product

import pytest

READ = {
    "CR": "CR",
    "PR": "PR",
    "responded": "PR",
    "SD": "SD",
    "NON_CR_NON_PD": "SD",
    "PD": "PD",
    "NE": "NE",
    "not_started": "not_started",
    "unknown": "unknown",
}
RECENT, TOO_OLD = "2026-10-01", "2026-01-01"


@pytest.fixture(scope="session")
def read(guideline, normal):
    """What is read of a response, before contradictions are looked for."""

    def derived(**response):
        found = guideline.chain.derive(normal({"chemotherapy_response": response}))
        return {part: found[f"{part}_response"] for part in ("overall", "primary", "distant")}

    return derived


def as_read(word, assessed_on):
    category = READ[word] not in {"NE", "not_started", "unknown"}
    return "NE" if category and assessed_on == TOO_OLD else READ[word]


@pytest.mark.parametrize("part", ["overall", "primary", "distant"])
@pytest.mark.parametrize("assessed_on", [None, RECENT, TOO_OLD])
def test_d2_a_response_is_its_category_but_not_evaluable_where_it_was_assessed_too_long_ago(read, part, assessed_on):
    for word in READ:
        assert read(**{part: word, "assessed_on": assessed_on})[part] == as_read(word, assessed_on), word


def test_d2_each_part_is_read_by_its_own_word(read):
    for overall, primary, distant, assessed_on in product(READ, READ, READ, [RECENT, TOO_OLD]):
        found = read(overall=overall, primary=primary, distant=distant, assessed_on=assessed_on)
        stated = {"overall": overall, "primary": primary, "distant": distant}
        assert found == {part: as_read(word, assessed_on) for part, word in stated.items()}


@pytest.mark.parametrize("primary", [None, *READ])
@pytest.mark.parametrize("assessed_on", [None, RECENT, TOO_OLD])
def test_d2_an_overall_pcr_is_the_complete_response_of_a_primary_of_which_nothing_else_is_said(
    read, primary, assessed_on
):
    found = read(overall="pCR", primary=primary, assessed_on=assessed_on)
    complete = "NE" if assessed_on == TOO_OLD else "CR"
    assert found["overall"] == "unknown", "of the disease elsewhere it says nothing"
    assert found["primary"] == (complete if primary in {None, "unknown"} else as_read(primary, assessed_on))
    assert read(primary="pCR", assessed_on=assessed_on)["primary"] == complete
