"""The guideline's pages: its map holds every cell, and they say what the API says of it."""

import re

import pytest
from flask.testing import FlaskClient

from service.knowledge.guideline import Guideline
from service.knowledge.words import Words
from service.web.table_map import _fields
from tests.conftest import GUIDELINE
from tests.web.knowledge_pages import HOME, read


def cells(page: str) -> dict[tuple[str, ...], str]:
    """Every cell of the decision table as the maps draw it: the values of the axes, and the rule."""
    found = {}
    for fixed, table in re.findall(r'<table class="cells" data-fixed="([^"]*)">(.*?)</table>', page, re.DOTALL):
        head, body = table.split("<tbody>")
        columns = [names.split() for names in re.findall(r'<th scope="col" data-values="([^"]+)"', head)]
        rows = body.split("<tr>")[1:]
        values = [re.search(r'<th scope="row" data-values="([^"]+)"', row)[1].split() for row in rows]
        taken: dict[tuple[int, int], str] = {}
        for y, row in enumerate(rows):
            x = 0
            for rule, more in re.findall(r'<td class="\w+" data-rule="(\w+)"([^>]*)>', row):
                while (x, y) in taken:
                    x += 1
                right, below = (
                    int((re.search(f'{side}="(\\d+)"', more) or [0, 1])[1]) for side in ("colspan", "rowspan")
                )
                taken |= {(x + step, y + down): rule for step in range(right) for down in range(below)}
        for (x, y), rule in taken.items():
            found |= {(first, second, fixed): rule for first in columns[x] for second in values[y]}
    return found


def test_the_maps_hold_every_cell_of_the_decision_table(client: FlaskClient) -> None:
    table = read(client, f"/v1{HOME}/decision-table")
    told = {tuple(cell[axis] for axis in table["columns"][:3]): cell["rule"] for cell in table["cells"]}
    assert len(told) == 560
    assert cells(client.get(HOME).get_data(as_text=True)) == told


def test_a_field_never_lies_over_another() -> None:
    assert _fields([["B", "A"], ["A", "A"]]) == [[("B", 1, 1), ("A", 1, 2)], [("A", 1, 1)]]


def test_a_column_and_a_row_name_each_of_their_values(client: FlaskClient, guideline: Guideline) -> None:
    words, page = Words(guideline), client.get(HOME).get_data(as_text=True)
    for axis, side in zip(guideline.release.axes, ("col", "row"), strict=False):
        every = guideline.chain.features[axis].values
        heads = re.findall(f'<th scope="{side}" data-values="([^"]+)">(.*?)</th>', page)
        assert heads
        for values, said in heads:
            told = ["Any"] if len(values.split()) == len(every) else [words.value(axis, v) for v in values.split()]
            assert re.sub(r"(<[^>]+>)+", "|", said).strip("|") == "|".join(told)


def test_the_guideline_page_says_what_the_api_says_of_it(client: FlaskClient) -> None:
    page = re.sub(r"\s+", " ", client.get(HOME).get_data(as_text=True)).replace("&#39;", "'").replace("&#34;", '"')
    told = read(client, f"/v1{HOME}")
    said = [told[name] for name in ("question", "sign_off_note", "intended_use", "developer", "funding", "digest")]
    said += [*told["intended_users"], *told["not_for"], *told["limits"]]
    said += [change for release in told["releases"] for change in release["changes"]]
    attributes = read(client, f"/v1{HOME}/source-attributes")["source_attributes"]
    assert len(attributes) == 13
    said += [each["value"] for each in attributes]
    said += [hazard["hazard"] for hazard in read(client, f"/v1{HOME}/hazards")["hazards"]]
    for text in said:
        assert text in page, text


@pytest.mark.parametrize("rule", [f"R{number:02}" for number in range(1, 26)] + ["G01"])
def test_a_rule_page_says_what_the_api_says_of_it(client: FlaskClient, rule: str) -> None:
    page = client.get(f"{HOME}/rules/{rule}").get_data(as_text=True).replace("&#39;", "'").replace("&#34;", '"')
    page = page.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&")
    told = read(client, f"/v1{HOME}/rules/{rule}")
    said = [told["title"], told["statement"], told["key_message"], told["code"], *told["must_check"]]
    said += [reason["text"] for reason in told["certainty_reasons"]]
    said += [change["change"] for change in told["what_would_change"]]
    for source in told["citations"]:
        said += [source["id"], source["supports"], source["locator"]]
    for text in said:
        assert text in page, text


def test_the_decision_table_comes_as_csv_by_a_link(client: FlaskClient) -> None:
    by_link = client.get(f"/v1{HOME}/decision-table.csv")
    by_accept = client.get(f"/v1{HOME}/decision-table", headers={"Accept": "text/csv"})
    assert by_link.mimetype == "text/csv"
    assert by_link.data == by_accept.data


def test_another_release_is_read_in_its_own_pages(client: FlaskClient) -> None:
    release = read(client, f"/v1/guidelines/{GUIDELINE}")["release"]
    page = client.get(f"{HOME}?release={release}").get_data(as_text=True)
    assert f"/rules/R16?release={release}" in page
    assert client.get(f"{HOME}?release=2001-01-01").status_code == 404
