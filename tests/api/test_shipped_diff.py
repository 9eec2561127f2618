"""The shipped releases compared: at the API and at a terminal."""

from flask import Flask
from flask.testing import FlaskClient

from tests.api.conftest import CURRENT, OLD
from tests.conftest import GUIDELINE


def test_the_shipped_releases_are_compared_over_all_cells_and_cases(client: FlaskClient) -> None:
    diff = client.get(f"/v1/guidelines/{GUIDELINE}/diff?from={OLD}&to={CURRENT}").get_json()
    assert (diff["counts"]["cells"], diff["counts"]["cells_with_another_rule"]) == (560, 2)
    tables = {(each["before"]["rule"], each["after"]["rule"]) for each in diff["answers"] if each["cells"]}
    assert tables == {("R14", "R22"), ("R15", "R22")}
    gates = {each["after"]["rule"] for each in diff["answers"] if each["why"] == "gate"}
    assert gates >= {f"G{number:02}" for number in range(2, 11)}
    assert all(each["patient"] for each in diff["answers"])
    assert client.get(f"/v1/guidelines/{GUIDELINE}/diff").get_json() == diff


def test_the_command_compares_the_shipped_releases(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["guideline", "diff", OLD, CURRENT])
    assert result.exit_code == 0, result.output
    assert "Comfort care comes first" in result.stdout
