"""The metastatic axis of D1, over every combination of what supports the extent."""

from itertools import product

import pytest

from tests.strategies import M0_WORDS, M1_WORDS

EXTENTS = {"oligometastatic": "OLIGO", "bone_only": "BONE_ONLY", "polymetastatic": "POLY"}
SITES = [None, [], ["bone"], ["liver"], ["bone", "liver"], ["brain"]]
COUNTS = [None, 0, 1, 2, 5, 6]


@pytest.fixture(scope="session")
def axis(guideline, normal):
    """The metastatic axis of a body, as it is derived before contradictions are looked for."""

    def derived(body):
        return guideline.chain.derive(normal({k: v for k, v in body.items() if v is not None}))["metastatic_axis"]

    return derived


def extent_of(declared, sites, count, ablatable, *, brain):
    """D1: a declared extent wins, but for a solitary bone lesion; else the first that fits."""
    if declared is not None:
        return "OLIGO" if (declared, count) == ("bone_only", 1) else EXTENTS[declared]
    bone = sites == ["bone"] and not brain
    if count is not None and 1 <= count <= 5 and ablatable is True:
        return "OLIGO"
    if bone:
        return "OLIGO" if count == 1 else "BONE_ONLY"
    if (count is not None and count > 5) or ablatable is False:
        return "POLY"
    return "EXTENT_UNKNOWN"


@pytest.mark.parametrize("declared", [None, *EXTENTS])
def test_d1_the_extent_is_declared_or_derived_by_the_first_line_that_fits(axis, declared):
    for sites, count, ablatable, brain in product(SITES, COUNTS, [None, True, False], [None, True, False]):
        body = {
            "metastatic_status": "M1",
            "presentation": "de_novo",
            "metastatic_extent": declared,
            "metastatic_sites": sites,
            "lesion_count": count,
            "all_sites_ablatable": ablatable,
            "brain_metastases": brain,
        }
        extent = extent_of(declared, sites, count, ablatable, brain=brain is True)
        assert axis(body) == f"M1_DENOVO_{extent}", body


@pytest.mark.parametrize("extent", [None, *EXTENTS])
def test_d1_status_and_presentation_come_before_the_extent(axis, extent):
    for word in M1_WORDS:
        body = {"metastatic_status": word, "metastatic_extent": extent}
        assert axis(body) == axis({**body, "presentation": "unknown"}) == "M1_ORIGIN_UNKNOWN"
        assert axis({**body, "presentation": "recurrent"}) == "M1_RECURRENT"
    assert axis({"metastatic_status": "recurrent_metastatic", "metastatic_extent": extent}) == "M1_RECURRENT"
    assert axis({"metastatic_status": "de_novo_metastatic", "metastatic_extent": extent}).startswith("M1_DENOVO_")
    assert axis({"metastatic_extent": extent}) == "M_UNKNOWN"
    for word in M0_WORDS:
        assert axis({"metastatic_status": word}) == "M0"


def test_d1_metastatic_status_is_never_inferred(axis):
    body = {"presentation": "de_novo", "metastatic_sites": ["liver"], "lesion_count": 9, "brain_metastases": True}
    assert axis({**body, "chemotherapy_response": {"distant": "PD"}}) == "M_UNKNOWN"
