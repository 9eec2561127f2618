"""Keys and clients at a terminal: made, listed, revoked, and why a token is refused."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from service import create_app
from service.security.clients_file import read_clients
from service.security.keys import digest
from service.settings import Settings
from tests.api.asking import ONE
from tests.conftest import NOON, ROOT
from tests.security.signing import ISS, client, pair, public, signed, token
from tests.security.signing import claims as claims_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "clients.yaml"


def run(app: Flask, *words: str, sent: str | None = None) -> Result:
    return app.test_cli_runner().invoke(args=list(words), input=sent)


def good(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


# ---- keys


def test_a_key_is_printed_once_and_opens_the_service(app: Flask, file: Path) -> None:
    made = good(run(app, "key", "create", "--scope", "advice", "--id", "board", "--file", str(file))).strip()
    assert made.startswith("ogs_board_")
    assert made not in file.read_text()
    assert read_clients(file).keys["board"].hash == digest(made)
    served = create_app(Settings(auth="clients", clients_file=str(file), clock=lambda: NOON, log_level="error"))
    assert served.test_client().post(ONE, json={}, headers={"X-API-Key": made}).status_code == 200


def test_a_key_gets_a_name_of_its_own_the_scopes_asked_for_and_an_end(app: Flask, file: Path) -> None:
    words = ["--scope", "cds", "--scope", "feedback", "--scope", "cds", "--expires", "2027-01-31"]
    names = {good(run(app, "key", "create", *words, "--file", str(file))).split("_")[1] for _ in range(3)}
    assert len(names) == 3
    for name in names:
        key = read_clients(file).keys[name]
        assert (key.scopes, str(key.expires)) == ({"cds", "feedback"}, "2027-01-31")


def test_keys_are_listed_without_anything_secret_and_revoked(app: Flask, file: Path) -> None:
    for name, more in (("board", ["--expires", "2027-01-31"]), ("ward", ["--scope", "cds"])):
        good(run(app, "key", "create", "--scope", "advice", "--id", name, "--file", str(file), *more))
    listed = good(run(app, "key", "list", "--file", str(file)))
    assert listed.splitlines() == ["board  advice  until 2027-01-31", "ward  advice,cds  without end"]
    good(run(app, "key", "revoke", "board", "--file", str(file)))
    assert list(read_clients(file).keys) == ["ward"]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["key", "create", "--scope", "all"], "all"),
        (["key", "create"], "--scope"),
        (["key", "create", "--scope", "cds", "--id", "Board"], "a-z"),
        (["key", "create", "--scope", "cds", "--id", "taken"], "Two keys have the same id"),
        (["key", "create", "--scope", "cds", "--expires", "soon"], "soon"),
        (["key", "revoke", "nobody"], "there is no nobody"),
        (["client", "add", "--iss", "x"], "jwks"),
        (["client", "add", "--iss", "x", "--jku", "http://x"], "https"),
        (["client", "add", "--iss", "x", "--jku", "https://x", "--algorithm", "none"], "none"),
    ],
)
def test_what_cannot_be_done_is_said_in_words_and_leaves_the_file_alone(
    app: Flask, file: Path, words: list[str], part: str
) -> None:
    good(run(app, "key", "create", "--scope", "cds", "--id", "taken", "--file", str(file)))
    before = file.read_text()
    result = run(app, *words, "--file", str(file))
    assert result.exit_code != 0
    assert part in result.output
    assert "Traceback" not in result.output
    assert file.read_text() == before


def test_without_a_file_the_command_asks_for_one(app: Flask) -> None:
    result = run(app, "key", "list")
    assert result.exit_code == 2
    assert "--file" in result.output


def test_the_setting_names_the_file_and_a_broken_one_is_told_without_a_traceback(file: Path) -> None:
    file.write_text("keys: []\n")
    words = [sys.executable, "-m", "flask", "--app", "service", "key"]
    environment = {**os.environ, "CLIENTS_FILE": str(file), "AUTH": "clients"}
    done = subprocess.run(
        [*words, "create", "--scope", "advice"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("ogs_")
    file.write_text("keys: [")
    done = subprocess.run([*words, "list"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"CLIENTS_FILE {file}: /: is not YAML" in done.stderr
    assert "Traceback" not in done.stderr


# ---- clients


def test_a_client_is_added_with_all_that_can_be_said_of_it_and_listed(app: Flask, file: Path, tmp_path: Path) -> None:
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps({"keys": [public(), public("RS384", "second")], "more": 1}))
    words = ["--iss", ISS, "--jwks", str(jwks), "--jku", "https://ehr.example/jwks", "--audience", "sand_man"]
    words += ["--tenant", "ward-1", "--tenant", "ward-2", "--algorithm", "RS384", "--scope", "cds", "--scope", "advice"]
    good(run(app, "client", "add", *words, "--file", str(file)))
    one = read_clients(file).clients[ISS]
    assert (sorted(one.keys), one.jku, one.audiences) == (
        ["first", "second"],
        ("https://ehr.example/jwks",),
        {"sand_man"},
    )
    assert (one.tenants, one.algorithms, one.scopes) == ({"ward-1", "ward-2"}, {"RS384"}, {"cds", "advice"})
    assert good(run(app, "client", "list", "--file", str(file))).splitlines() == [
        f"{ISS}  advice,cds",
        "  algorithms: RS384",
        "  audiences: sand_man",
        "  tenants: ward-1, ward-2",
        "  key first",
        "  key second",
        "  jku https://ehr.example/jwks",
    ]


def test_a_private_key_never_gets_into_the_file(app: Flask, file: Path, tmp_path: Path) -> None:
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps({"keys": [pair("ES384").as_dict(private=True) | {"kid": "x"}]}))
    result = run(app, "client", "add", "--iss", ISS, "--jwks", str(jwks), "--file", str(file))
    assert result.exit_code != 0
    assert "private" in result.output
    assert not file.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"key": []}'])
def test_a_file_without_keys_is_told(app: Flask, file: Path, tmp_path: Path, text: str) -> None:
    jwks = tmp_path / "jwks.json"
    jwks.write_text(text)
    result = run(app, "client", "add", "--iss", ISS, "--jwks", str(jwks), "--file", str(file))
    assert result.exit_code == 2
    assert "--jwks" in result.output


# ---- why is a token refused?

URL = "http://127.0.0.1:8000/cds-services/x"


@pytest.fixture
def checked(app: Flask, file: Path):
    file.write_text(json.dumps({"clients": [client(tenants=["ward-1"])]}))

    def check(text: str, *words: str, sent: str | None = None) -> tuple[int, dict[str, str]]:
        result = run(app, "client", "check", text, "--url", URL, "--file", str(file), *words, sent=sent)
        lines = dict(line.split(": ", 1) for line in result.stdout.splitlines() if ": " in line)
        return result.exit_code, lines

    return check


def at_noon(**changes: object) -> str:
    return token(now=NOON.timestamp(), **{"aud": URL, "tenant": "ward-1", "jti": "a-jti"} | changes)


def test_a_good_token_passes_every_step(checked) -> None:
    code, said = checked(at_noon())
    assert code == 0
    assert said.pop("called") == URL
    assert (said.pop("claimed_iss"), said.pop("claimed_tenant"), said.pop("claimed_jti")) == (ISS, "ward-1", "a-jti")
    assert said.pop("replay").startswith("not reached: REDIS_STATE_URL")
    assert list(said) == ["form", "issuer", "audience", "time", "tenant", "key", "signature"]
    assert set(said.values()) == {"passed"}


def test_a_token_can_be_read_from_standard_input_with_its_scheme(checked) -> None:
    assert checked("-", sent=f"Bearer {at_noon()}\n")[0] == 0


@pytest.mark.parametrize(
    ("make", "step", "part"),
    [
        (lambda: "rubbish", "form", "compact"),
        (lambda: at_noon(iss="https://evil.example"), "issuer", "CLIENTS_FILE"),
        (lambda: at_noon(aud=f"{URL}/"), "audience", URL),
        (lambda: token(aud=URL, now=time.time() - 10**9, tenant="ward-1"), "time", "expired"),
        (lambda: at_noon(tenant="ward-9"), "tenant", "list"),
        (lambda: at_noon(name="stranger"), "key", "kid"),
        (lambda: signed(claims_of(NOON.timestamp()), name="stranger", kid="first"), "signature", "does not hold"),
    ],
)
def test_the_step_that_fails_says_why(checked, make, step: str, part: str) -> None:
    code, said = checked(make())
    assert code == 1
    assert said[step].startswith("failed: ")
    assert part in said[step]


def test_the_address_is_by_default_that_of_discovery(app: Flask, file: Path) -> None:
    file.write_text(json.dumps({"clients": [client()]}))
    discovery = at_noon(aud="http://127.0.0.1:8000/cds-services")
    assert run(app, "client", "check", discovery, "--file", str(file)).exit_code == 0


def test_a_check_does_not_spend_the_token_and_tells_a_spent_one(redis_server, file: Path) -> None:
    file.write_text(json.dumps({"clients": [client(scopes=["advice"])]}))
    served = create_app(
        Settings(
            auth="clients", clients_file=str(file), redis_state_url=redis_server.url, clock=lambda: NOON,
            log_level="error",
        )
    )  # fmt: skip
    url = f"http://127.0.0.1:8000{ONE}"
    once = at_noon(aud=url)
    words = ("client", "check", once, "--url", url)
    for _ in range(2):
        assert "replay: passed" in good(run(served, *words))
    headers = {"Authorization": f"Bearer {once}"}
    assert served.test_client().post(ONE, json={}, headers=headers).status_code == 200
    result = run(served, *words)
    assert result.exit_code == 1
    assert "replay: failed: the token was used before" in result.stdout
