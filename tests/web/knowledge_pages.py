"""What the tests of the pages of knowledge share: the pages, and how the API's numbers read."""

from decimal import ROUND_HALF_UP, Decimal

from flask.testing import FlaskClient

from tests.conftest import GUIDELINE

HOME = f"/guidelines/{GUIDELINE}"
OS = "/v1/evidence/overall-survival"
PAGES = {
    "evidence": "/evidence",
    "chosen": "/evidence?overall-survival=jcog1017&overall-survival=abcsg28_2019",
    "study": "/evidence/studies/mf07_01_2021_10y",
    "review": "/evidence/studies/cochrane_2018",
    "guidelines": "/guidelines",
    "guideline": HOME,
    "rule": f"{HOME}/rules/R16",
    "gate": f"{HOME}/rules/G01",
    "emergency": f"{HOME}/rules/R01",
    "docs": "/docs",
    "problem": "/problems/refused-facts",
}


def read(client: FlaskClient, path: str) -> dict:
    response = client.get(path)
    assert response.status_code == 200, path
    return response.get_json()


def ratio(part: dict) -> str:
    """As the service rounds: decimal, half up."""
    exact = (Decimal(repr(part[name])) for name in ("hr", "ci_low", "ci_high"))
    hr, low, high = (number.quantize(Decimal("0.01"), ROUND_HALF_UP) for number in exact)
    return f"{hr} ({low} to {high})"
