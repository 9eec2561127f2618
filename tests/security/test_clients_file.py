"""CLIENTS_FILE: JSON or YAML of one shape; each fault is named with its place, and no value is repeated."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from joserfc.jwk import ECKey, OctKey, OKPKey

from service.security.clients_file import Clients, ClientsFileError, read_clients
from service.security.keys import digest
from service.security.scopes import SCOPES
from tests.security.signing import ISS, client, pair, public

KEY = {"id": "board", "hash": digest("ogs_board_x"), "scopes": ["advice"], "expires": "2027-01-31"}
SECRET = "sEcReT-4711"  # noqa: S105 - a marker


def read(folder: Path, content: Any, name: str = "clients.yaml") -> Clients:
    file = folder / name
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_clients(file)


def faults(folder: Path, content: Any) -> list[str]:
    with pytest.raises(ClientsFileError) as error:
        read(folder, content)
    assert str(folder / "clients.yaml") in str(error.value)
    assert SECRET not in str(error.value)
    return error.value.faults


def test_the_whole_shape_is_read_the_same_from_json_and_from_yaml(tmp_path: Path) -> None:
    whole = {
        "clients": [
            client(
                jku=["https://ehr.example/jwks"], audiences=["sand_man"], tenants=["ward-1"], algorithms=["ES384"],
                scopes=["cds", "feedback"],
            )
        ],
        "keys": [KEY],
    }  # fmt: skip
    for name, text in (("a.txt", json.dumps(whole)), ("b.txt", yaml.safe_dump(whole)), ("c.json", yaml.dump(whole))):
        found = read(tmp_path, text, name)
        one, key = found.clients[ISS], found.keys["board"]
        assert one.jku == ("https://ehr.example/jwks",)
        assert (one.audiences, one.tenants) == ({"sand_man"}, {"ward-1"})
        assert (one.algorithms, one.scopes) == ({"ES384"}, {"cds", "feedback"})
        assert list(one.keys) == ["first"]
        assert (key.id, key.hash, key.scopes, str(key.expires)) == ("board", KEY["hash"], {"advice"}, "2027-01-31")


def test_all_but_issuer_and_keys_is_optional_and_the_defaults_are_safe(tmp_path: Path) -> None:
    one = read(tmp_path, {"clients": [client()]}).clients[ISS]
    assert one.scopes == {"cds"}
    assert one.algorithms == {"ES384", "RS384"}
    assert (one.jku, one.audiences, one.tenants) == ((), frozenset(), frozenset())
    key = read(tmp_path, {"keys": [{"id": "a", "hash": KEY["hash"]}]}).keys["a"]
    assert (key.scopes, key.expires) == (frozenset(), None)


@pytest.mark.parametrize("text", ["{}", "clients: []", "clients: []\nkeys: []\n", "# nobody yet\n"])
def test_nobody_may_call_yet(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == Clients({}, {})


def test_an_empty_list_of_scopes_is_no_scope(tmp_path: Path) -> None:
    assert read(tmp_path, {"clients": [client(scopes=[])]}).clients[ISS].scopes == frozenset()


@pytest.mark.parametrize("name", ["tenants", "algorithms"])
@pytest.mark.parametrize("emptied", [[], None])
def test_an_emptied_list_opens_nothing(tmp_path: Path, name: str, emptied: Any) -> None:
    """Left out, these mean any; whoever deletes the last entry does not mean that."""
    (fault,) = faults(tmp_path, {"clients": [client(**{name: emptied})]})
    assert fault.startswith(f"/clients/0/{name}: ")


def test_null_is_no_scope_and_no_further_audience(tmp_path: Path) -> None:
    one = read(tmp_path, {"clients": [client(scopes=None, audiences=None)], "keys": [KEY | {"scopes": None}]})
    assert one.clients[ISS].scopes == one.clients[ISS].audiences == one.keys["board"].scopes == frozenset()


@pytest.mark.parametrize(
    "content",
    [
        {f"ogs_board_{SECRET}": 1},
        {"keys": [KEY | {f"ogs_board_{SECRET}": 1}]},
        f'{{"{SECRET}": 1, "{SECRET}": 2}}',
        f"{SECRET}: {{a: 1, a: 2}}",
        f"{SECRET}: 1\n{SECRET}: 2",
    ],
)
def test_a_key_that_was_pasted_as_a_name_is_not_repeated(tmp_path: Path, content: Any) -> None:
    assert faults(tmp_path, content)


def test_keys_may_come_from_a_jku_alone(tmp_path: Path) -> None:
    jku = "https://ehr.example/jwks"
    for entry in ({"iss": ISS, "jku": [jku]}, {"iss": ISS, "jku": [jku], "jwks": {"keys": []}}):
        assert read(tmp_path, {"clients": [entry]}).clients[ISS].keys == {}


def test_every_scope_can_be_given(tmp_path: Path) -> None:
    assert read(tmp_path, {"clients": [client(scopes=list(SCOPES))]}).clients[ISS].scopes == set(SCOPES)


SHAPES = {
    "/clients/0/iss": {"clients": [{"jwks": {"keys": []}}]},
    "/clients/1/iss": {"clients": [client(), {"iss": 7, "jwks": {"keys": []}}]},
    "/clients/0/jwks": {"clients": [{"iss": ISS}]},
    "/clients/0/jwks/keys": {"clients": [{"iss": ISS, "jwks": {}}]},
    "/clients/0/algorithms": {"clients": [client(algorithms=[])]},
    "/clients/0/algorithms/0": {"clients": [client(algorithms=["none"])]},
    "/clients/0/algorithms/1": {"clients": [client(algorithms=["ES384", "HS256"])]},
    "/clients/0/scopes/0": {"clients": [client(scopes=[SECRET])]},
    "/clients/0/scopes": {"clients": [client(scopes="cds")]},
    "/clients/0/jku/0": {"clients": [client(jku=["http://ehr.example/jwks"])]},
    "/clients/0/audience": {"clients": [client(audience=["x"])]},
    "/clients/0/tenants/0": {"clients": [client(tenants=[""])]},
    "/clients": {"clients": [client(), client()]},
    "/keys": {"keys": [KEY, KEY]},
    "/keys/0/id": {"keys": [KEY | {"id": "Board"}]},
    "/keys/0/hash": {"keys": [KEY | {"hash": SECRET}]},
    "/keys/0/expires": {"keys": [KEY | {"expires": "soon"}]},
    "/keys/0/scopes/0": {"keys": [KEY | {"scopes": ["all"]}]},
    "/key": {"key": []},
    "/": [],
}


@pytest.mark.parametrize("place", SHAPES)
def test_each_fault_is_named_with_its_place(tmp_path: Path, place: str) -> None:
    (fault,) = faults(tmp_path, SHAPES[place])
    assert fault.startswith(f"{place}: ")


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    found = faults(tmp_path, {"clients": [client(scopes=["x"], jku=["y"])], "keys": [{"id": "a"}]})
    assert [fault.split(":")[0] for fault in found] == ["/clients/0/jku/0", "/clients/0/scopes/0", "/keys/0/hash"]


@pytest.mark.parametrize(
    "jku",
    ["https://", "https:///jwks", "https://user:pw@ehr.example/", "https://ehr.example/#x", "file:///etc", "", "https://[::1"],
)  # fmt: skip
def test_a_jku_is_an_https_address(tmp_path: Path, jku: str) -> None:
    (fault,) = faults(tmp_path, {"clients": [client(jku=[jku])]})
    assert "https" in fault


def jwk_with(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in (public() | changes).items() if value is not None}


KEYS = {
    "private": pair("ES384").as_dict(private=True) | {"kid": "x"},
    "private or secret": pair("RS384").as_dict(private=True) | {"kid": "x"},
    "secret": OctKey.generate_key(256).as_dict() | {"kid": "x"},
    "kid": jwk_with(kid=None),
    "kty": OKPKey.generate_key("Ed25519").as_dict(private=False) | {"kid": "x"},
    "P-384": ECKey.generate_key("P-256").as_dict(private=False) | {"kid": "x"},
    "for another algorithm": jwk_with(alg="ES256"),
    "not for signatures": jwk_with(use="enc"),
    "signatures": jwk_with(key_ops=["encrypt"]),
    "well-formed": jwk_with(x="AAAA"),
    "public key": jwk_with(y=None),
    "2048": {"kty": "RSA", "kid": "x", "e": "AQAB", "n": "_" * 170},
    "8192 bits": {"kty": "RSA", "kid": "x", "e": "AQAB", "n": "_" * 1500},
    "JSON Web Key": "key",
}


@pytest.mark.parametrize("why", KEYS)
def test_a_key_that_cannot_be_used_is_refused_with_the_reason(tmp_path: Path, why: str) -> None:
    (fault,) = faults(tmp_path, {"clients": [{"iss": ISS, "jwks": {"keys": [public(name="good"), KEYS[why]]}}]})
    assert fault.startswith("/clients/0/jwks/keys/1: ")
    assert why in fault


def test_a_private_key_is_refused_without_showing_it(tmp_path: Path) -> None:
    secret = pair("ES384").as_dict(private=True)
    (fault,) = faults(tmp_path, {"clients": [{"iss": ISS, "jwks": {"keys": [secret | {"kid": "x"}]}}]})
    assert secret["d"] not in fault
    assert "replace the pair" in fault


def test_two_keys_of_one_kid_are_refused(tmp_path: Path) -> None:
    entry = {"iss": ISS, "jwks": {"keys": [public(), public("RS384")]}}
    assert faults(tmp_path, {"clients": [entry]}) == ["/clients/0/jwks/keys: Two keys have the same kid."]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (f'{{"clients": [{SECRET}', "is not JSON"),
        (f"clients: [{SECRET}", "is not YAML"),
        (f"clients:\n  - iss: {SECRET}\n   jku: x", "is not YAML"),
        (f'{{"keys": [], "keys": ["{SECRET}"]}}', "stands twice"),
        (f"keys: []\nkeys: [{SECRET}]", "stands twice"),
        ("clients:\n  - iss: a\n    iss: b", "/clients/0: a key stands twice"),
        ("[" * 100_000, "nested too deep"),
        ("clients: *nobody", "YAML"),
        ("a: 1\n---\nb: 2", "YAML"),
        ("\0", "YAML"),
        ("just words", "Invalid input type"),
        ("", "is empty"),
        (" \n", "is empty"),
    ],
)
def test_what_does_not_read_is_told_by_its_place_alone(tmp_path: Path, text: str, part: str) -> None:
    (fault,) = faults(tmp_path, text)
    assert part in fault


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(ClientsFileError, match="No such file"):
        read_clients(tmp_path / "none.json")
    (tmp_path / "clients.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ClientsFileError, match="UTF-8"):
        read_clients(tmp_path / "clients.yaml")
    with pytest.raises(ClientsFileError, match="directory"):
        read_clients(tmp_path)


def test_yaml_guesses_nothing(tmp_path: Path) -> None:
    """`no` is an issuer like another, a date a text, and null nothing."""
    one = f"{{id: 'no', hash: {KEY['hash']}, expires: 2027-01-31}}"
    text = f"keys:\n  - {one}\n  - {{id: '1', hash: {KEY['hash']}, expires: null}}"
    found = read(tmp_path, text).keys
    assert (str(found["no"].expires), found["1"].expires) == ("2027-01-31", None)
