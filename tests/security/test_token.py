"""Tokens: the good ones are taken once; every attack of the table is refused, and all refusals look the same."""

import base64
import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.security.clients_file import Clients, clients_of
from service.security.refusal import GuardClosedError, Unauthorised
from service.security.remote_keys import RemoteKeys, https_fetch
from service.security.replay import LocalGuard
from service.security.token import LEEWAY, LONGEST_LIFE, Case, TokenCheck
from tests.conftest import ROOT
from tests.security import signing
from tests.security.signing import (
    ISS,
    URL,
    b64,
    claims,
    client,
    hmac_signed,
    pair,
    public,
    raw,
    signed,
)

NOW = time.time()
HEADER = {"alg": "ES384", "typ": "JWT", "kid": "first"}


def token(algorithm: str = "ES384", name: str = "first", **changes: Any) -> str:
    """A good token of the moment for which all tests here ask, or one with changed claims."""
    return signing.token(algorithm, name, **{"now": NOW} | changes)


def nothing_fetched(url: str) -> bytes:
    raise AssertionError(f"fetched {url}")


def clients(*entries: dict[str, Any]) -> Clients:
    return clients_of({"clients": list(entries) or [client()]}, ROOT / "clients.json")


def taken(
    text: str, *entries: dict[str, Any], url: str = URL, now: float = NOW, check: TokenCheck | None = None
) -> str:
    """The issuer of a token that is taken."""
    check = check or TokenCheck(RemoteKeys(nothing_fetched), LocalGuard())
    case = Case(text, url, now)
    client = check.check(case, clients(*entries))
    check.spend(case)
    return client.iss


def refused(text: str, *entries: dict[str, Any], url: str = URL, now: float = NOW) -> str:
    """The step that refuses a token."""
    with pytest.raises(Unauthorised) as error:
        taken(text, *entries, url=url, now=now)
    return error.value.step


# ---- the good ones


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_both_recommended_algorithms_are_taken(algorithm: str) -> None:
    assert taken(token(algorithm), client(algorithm)) == ISS


def test_the_audience_may_be_a_list() -> None:
    assert taken(token(aud=["https://other.example", URL])) == ISS


def test_an_audience_of_the_client_s_own_list_is_taken_beside_the_address() -> None:
    """Epic's aud is typed in by the hospital; another sandbox sends its own name."""
    entry = client(audiences=["sand_man"])
    assert taken(token(aud="sand_man"), entry) == ISS
    assert taken(token(aud=URL), entry) == ISS
    assert refused(token(aud="sand_man")) == "audience"


def test_a_token_as_epic_makes_it_is_taken() -> None:
    said = claims(NOW, sub=ISS, nbf=int(NOW) - 300, exp=int(NOW) + 900, extension={"x": [1]})
    assert taken(signed(said, "RS384", cty="x", x5t="abc", vendor="epic"), client("RS384")) == ISS


def test_keys_out_of_band_need_no_jku_and_a_listed_jku_needs_no_fetch_for_a_known_key() -> None:
    jku = "https://ehr.example/jwks"
    assert taken(token()) == ISS
    assert taken(signed(claims(NOW), jku=jku), client(jku=[jku])) == ISS


def test_a_tenant_is_asked_for_only_where_the_client_has_a_list() -> None:
    assert taken(token(tenant="anyone")) == ISS
    assert taken(token(tenant="ward-1"), client(tenants=["ward-1", "ward-2"])) == ISS


def test_the_right_key_of_two_is_found_by_its_kid() -> None:
    two = client(jwks={"keys": [public(), public(name="second"), public("RS384", "third")]})
    assert taken(token(name="second"), two) == ISS
    assert taken(token("RS384", "third"), two) == ISS


def test_times_have_a_small_leeway() -> None:
    said = claims(NOW, iat=int(NOW), exp=int(NOW) + 60)
    late, early = int(NOW) + 60 + LEEWAY, int(NOW) - LEEWAY
    assert taken(signed(said), now=late - 1) == ISS
    assert refused(signed(said), now=late) == "time"
    assert taken(signed(said), now=early) == ISS
    assert refused(signed(said), now=early - 1) == "time"
    assert taken(signed(claims(NOW, nbf=int(NOW) + LEEWAY))) == ISS


def test_an_hour_is_the_longest_life() -> None:
    assert taken(token(now=NOW, exp=int(NOW) + LONGEST_LIFE)) == ISS
    assert refused(token(now=NOW, exp=int(NOW) + LONGEST_LIFE + 1)) == "time"


# ---- attacks


PUBLIC_PEM = pair("RS384").as_pem(private=False)
PUBLIC_JWK = json.dumps(public("RS384")).encode()
STRANGER = "thief"
AGES = {
    "expired": {"iat": int(NOW) - 600, "exp": int(NOW) - LEEWAY - 1},
    "from the future": {"iat": int(NOW) + 120, "exp": int(NOW) + 300},
    "not yet": {"nbf": int(NOW) + 120},
    "nbf is no time": {"nbf": "soon"},
    "lives a day": {"exp": int(NOW) + 86_400},
    "lives for ever": {"exp": 2**62},
}


@pytest.mark.parametrize("name", AGES)
def test_a_token_out_of_its_time(name: str) -> None:
    assert refused(token(now=NOW, **AGES[name])) in {"time", "form"}


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None, 1, ["ES384"], {"a": 1}])
@pytest.mark.parametrize("signature", ["", b64(b"x" * 96)])
def test_no_signature(alg: object, signature: str) -> None:
    assert refused(f"{b64(HEADER | {'alg': alg})}.{b64(claims(NOW))}.{signature}") == "form"


@pytest.mark.parametrize("secret", [PUBLIC_PEM, PUBLIC_PEM.strip(), PUBLIC_JWK, b"", b"secret"])
@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512", "RS384", "ES384"])
def test_the_public_key_taken_for_a_secret(secret: bytes, alg: str) -> None:
    assert refused(hmac_signed(claims(NOW), secret, alg), client("RS384")) in {"form", "signature"}


@pytest.mark.parametrize("alg", ["RS256", "RS512", "PS384", "ES256", "ES512", "EdDSA", "dir", "A128GCM", "es384"])
def test_other_algorithms(alg: str) -> None:
    text = token("RS384").split(".")
    assert refused(f"{b64(HEADER | {'alg': alg})}.{text[1]}.{text[2]}", client("RS384")) == "form"


def test_an_algorithm_that_does_not_fit_the_key() -> None:
    _, said, signature = token("RS384").split(".")
    assert refused(f"{b64(HEADER)}.{said}.{signature}", client("RS384")) == "signature"
    _, said, signature = token("ES384").split(".")
    assert refused(f"{b64(HEADER | {'alg': 'RS384'})}.{said}.{signature}") == "signature"


def test_an_algorithm_that_the_client_does_not_use() -> None:
    assert refused(token("RS384"), client("RS384", algorithms=["ES384"])) == "signature"
    assert taken(token("RS384"), client("RS384", algorithms=["RS384"])) == ISS


@pytest.mark.parametrize(
    "aud",
    [
        "http://127.0.0.1:8000/v1/recommendations/batch",
        "http://127.0.0.1:8000/v1/recommendations/",
        "http://127.0.0.1:8000",
        "https://127.0.0.1:8000/v1/recommendations",
        "http://127.0.0.1:8000/V1/recommendations",
        "http://evil.example/v1/recommendations",
        "",
        [],
        [[URL]],
        {"a": URL},
        7,
        True,
    ],
)
def test_an_audience_that_is_another_s(aud: object) -> None:
    assert refused(token(aud=aud)) == "audience"


@pytest.mark.parametrize("iss", ["https://evil.example", f"{ISS}/", ISS.upper(), "https://ehr.example.evil.example"])
def test_an_issuer_that_is_not_in_the_list(iss: str) -> None:
    assert refused(token(iss=iss)) == "issuer"


def test_an_issuer_that_signs_in_another_s_name() -> None:
    other = client(name="second", iss="https://other.example")
    assert refused(token(name="second"), client(), other) == "key"
    assert refused(signed(claims(NOW), name="second", kid="first"), client(), other) == "signature"


@pytest.mark.parametrize("tenant", [None, "ward-3", "WARD-1", ["ward-1"], {"a": 1}, 1, ""])
def test_a_tenant_that_is_not_in_the_list(tenant: object) -> None:
    assert refused(token(tenant=tenant), client(tenants=["ward-1"])) == "tenant"


@pytest.mark.parametrize("name", ["iss", "aud", "exp", "iat", "jti"])
def test_a_claim_that_is_missing(name: str) -> None:
    assert refused(token(**{name: None})) == "form"


@pytest.mark.parametrize("name", ["iss", "exp", "iat", "jti"])
@pytest.mark.parametrize("value", ["", [], {}, True, [ISS], "x" * 301, -1, float("nan"), float("inf"), 10**400])
def test_a_claim_of_another_type(name: str, value: object) -> None:
    assert refused(token(**{name: value})) in {"form", "issuer"}


@pytest.mark.parametrize("name", ["typ", "kid"])
@pytest.mark.parametrize("value", [None, "", 1, [], {}, "jwt", "at+jwt", "JOSE", "k" * 301])
def test_a_header_that_is_missing_or_of_another_type(name: str, value: object) -> None:
    assert refused(raw({k: v for k, v in (HEADER | {name: value}).items() if v is not None}, claims(NOW))) in {
        "form",
        "key",
    }


@pytest.mark.parametrize(
    "kid",
    [
        "../../../../dev/null",
        "/etc/passwd",
        "first' OR '1'='1",
        "first; DROP TABLE keys",
        "first\0",
        "\0",
        "FIRST",
        "first ",
        "http://evil.example/key",
        "__class__",
        "\ud800",
    ],
)
def test_a_kid_that_means_mischief(kid: str) -> None:
    assert refused(raw(HEADER | {"kid": kid}, claims(NOW))) == ("form" if kid == "\ud800" else "key")


def test_a_signature_of_another_key_under_a_known_kid() -> None:
    assert refused(signed(claims(NOW), name=STRANGER, kid="first")) == "signature"


@pytest.mark.parametrize("member", ["jwk", "x5c", "x5u", "x5t"])
def test_a_key_that_the_token_brings_along(member: str) -> None:
    """Never used: neither in place of the key on record nor when there is none."""
    value = {
        "jwk": public(name=STRANGER),
        "x5c": [base64.b64encode(pair("ES384", STRANGER).as_der(private=False)).decode()],
        "x5u": "https://evil.example/cert",
        "x5t": "abc",
    }[member]
    assert refused(signed(claims(NOW), name=STRANGER, kid="first", **{member: value})) == "signature"
    assert refused(signed(claims(NOW), name=STRANGER, **{member: value})) == "key"


def test_a_jku_to_a_stranger_is_not_even_called() -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0)
        port = trap.getsockname()[1]
        check = TokenCheck(RemoteKeys(https_fetch()), LocalGuard())
        listed = client(jku=["https://ehr.example/jwks"])
        for jku in (
            f"https://127.0.0.1:{port}/jwks",
            f"http://127.0.0.1:{port}/jwks",
            f"https://ehr.example@127.0.0.1:{port}/jwks",
            f"https://ehr.example/jwks#@127.0.0.1:{port}",
            [f"https://127.0.0.1:{port}/jwks"],
        ):
            for kid in (STRANGER, "first"):
                with pytest.raises(Unauthorised, match="jku"):
                    taken(raw(HEADER | {"kid": kid, "jku": jku}, claims(NOW), name=STRANGER), listed, check=check)
        with pytest.raises(BlockingIOError):
            trap.accept()


@pytest.mark.parametrize("crit", [["exp"], ["b64"], [], "b64", ["nonsense"]])
def test_an_extension_that_must_be_understood(crit: object) -> None:
    assert refused(raw(HEADER | {"crit": crit, "b64": False}, claims(NOW))) == "form"


GOOD = token(now=NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "...",
        "x",
        "a.b",
        "a.b.c",
        "a.b.c.d.e",
        f"{GOOD}.",
        f".{GOOD}",
        f"{GOOD} ",
        f"{GOOD}\n",
        f"{GOOD}=",
        f"{GOOD},{GOOD}",
        GOOD[:-4],
        GOOD[:100],
        ".".join(GOOD.split(".")[:2]),
        ".".join(GOOD.split(".")[:2]) + ".",
        GOOD.replace(".", ".é", 1),
        "null.null.null",
        f"{b64('null')}.{b64('null')}.eA",
        f"{b64('[]')}.{b64('[]')}.eA",
        f"{b64('{')}.{b64('{')}.eA",
        f"{b64(b'x' * 3000)}.{b64('{}')}.eA",
        f"{b64('[' * 4000)}.{b64('{}')}.eA",
        f"{b64('{}'.encode('utf-16'))}.{b64('{}')}.eA",
        f"{b64(b'{}')}.{b64(bytes(range(256)))}.eA",
        "A" * 1_000_000,
        "A.B.C" * 10_000,
        json.dumps({"payload": "x", "signature": "y"}),
    ],
)
def test_what_is_no_token(text: str) -> None:
    assert refused(text) in {"form", "signature"}


def test_a_token_that_is_too_long() -> None:
    assert refused(token(filling="x" * 8000)) == "form"
    assert taken(token(filling="x" * 5000)) == ISS


@pytest.mark.parametrize("place", range(0, len(GOOD), 7))
def test_one_changed_character_anywhere(place: int) -> None:
    other = "A" if GOOD[place] != "A" else "B"
    assert refused(GOOD[:place] + other + GOOD[place + 1 :])


@pytest.mark.parametrize(
    ("header", "payload"),
    [
        ('{"alg":"none","alg":"ES384","typ":"JWT","kid":"first"}', None),
        ('{"alg":"ES384","typ":"JWT","kid":"thief","kid":"first"}', None),
        (None, '{"iss":"https://evil.example",%s'),
        (None, '{"a":{"b":1,"b":2},%s'),
    ],
)
def test_a_member_that_stands_twice(header: str | None, payload: str | None) -> None:
    """Two readers of such a token could see two different values."""
    said = json.dumps(claims(NOW))
    assert refused(raw(header or HEADER, payload % said[1:] if payload else said)) == "form"
    assert taken(raw(HEADER, said)) == ISS


def test_a_signature_written_otherwise_is_not_another_token() -> None:
    """Base64 with other trailing bits would be the same signature."""
    check = TokenCheck(RemoteKeys(nothing_fetched), LocalGuard())
    text = token("RS384")
    last = text[-1]
    twin = text[:-1] + chr(ord(last) + 1) if last not in "Zz9_-" else text[:-1] + "B"
    with pytest.raises(Unauthorised):
        taken(twin, client("RS384"), check=check)
    assert taken(text, client("RS384"), check=check) == ISS


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([ISS, URL, "JWT"]),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=4), below, max_size=3),
    max_leaves=4,
)
HEADERS = st.dictionaries(st.sampled_from(["alg", "typ", "kid", "jku", "jwk", "x5c", "crit", "b64", "x"]), VALUES)
CLAIMS = st.dictionaries(st.sampled_from(["iss", "aud", "exp", "iat", "nbf", "jti", "tenant", "x"]), VALUES)


@given(header=HEADERS, said=CLAIMS)
@settings(max_examples=400, deadline=None, database=None, derandomize=True)
def test_whatever_a_signed_token_holds_it_is_taken_or_refused_and_never_an_error(header: dict, said: dict) -> None:
    text = raw(HEADER | header, claims(NOW) | said)
    try:
        assert taken(text, client(tenants=["ward-1"]) if "tenant" in said else client()) == ISS
    except Unauthorised as refusal:
        assert refusal.reason  # noqa: PT017 - either is right
    verdicts(text)


@given(text=st.text(max_size=60) | st.binary(max_size=60).map(lambda data: data.decode("latin-1")))
@settings(max_examples=300, deadline=None, database=None, derandomize=True)
def test_whatever_text_comes_it_is_refused(text: str) -> None:
    assert refused(text) == "form"
    assert refused(f"{text}.{text}.{text}") == "form"


# ---- once


def test_a_token_is_taken_once() -> None:
    check, text = TokenCheck(RemoteKeys(nothing_fetched), LocalGuard()), token()
    assert taken(text, check=check) == ISS
    with pytest.raises(Unauthorised, match="replay"):
        taken(text, check=check)
    assert taken(token(), check=check) == ISS


def test_the_same_jti_of_another_issuer_is_another_token() -> None:
    other = client(iss="https://other.example")
    check = TokenCheck(RemoteKeys(nothing_fetched), LocalGuard())
    assert taken(token(jti="1"), client(), other, check=check)
    assert taken(token(jti="1", iss="https://other.example"), client(), other, check=check)
    with pytest.raises(Unauthorised, match="replay"):
        taken(token(jti="1"), client(), other, check=check)


class Recorder(LocalGuard):
    """Remembers what it was asked to remember."""

    def __init__(self) -> None:
        super().__init__()
        self.stored: list[tuple[str, float]] = []

    def first(self, token_id: str, until: float, now: float) -> bool:
        self.stored.append((token_id, until))
        return super().first(token_id, until, now)


@pytest.mark.parametrize(
    "make",
    [
        lambda: signed(claims(NOW), name=STRANGER, kid="first"),
        lambda: token(aud="x"),
        lambda: token(exp=1),
        lambda: token(iss="x"),
        lambda: hmac_signed(claims(NOW), PUBLIC_PEM),
    ],
)
def test_a_refused_token_is_never_remembered(make: Callable[[], str]) -> None:
    """Or a stranger could spend a client's ids."""
    guard = Recorder()
    with pytest.raises(Unauthorised):
        taken(make(), check=TokenCheck(RemoteKeys(nothing_fetched), guard))
    assert guard.stored == []


def test_a_token_is_remembered_for_as_long_as_any_machine_would_take_it() -> None:
    guard = Recorder()
    check = TokenCheck(RemoteKeys(nothing_fetched), guard)
    taken(token(now=NOW, exp=int(NOW) + 3600), check=check)
    ((_, until),) = guard.stored
    assert int(NOW) + 3600 + LEEWAY < until <= int(NOW) + 3600 + 2 * LEEWAY


# ---- what an integrator is told


def verdicts(text: str, *entries: dict[str, Any], check: TokenCheck | None = None) -> dict[str, str]:
    check = check or TokenCheck(RemoteKeys(nothing_fetched), LocalGuard())
    return {step: word for step, word, _ in check.verdicts(Case(text, URL, NOW), clients(*entries))}


def test_all_that_is_wrong_is_told_at_once_in_the_order_of_the_checks() -> None:
    assert list(verdicts(GOOD)) == [
        "form", "issuer", "audience", "time", "tenant", "key", "signature", "replay",
    ]  # fmt: skip
    assert set(verdicts(GOOD).values()) == {"passed"}
    said = verdicts(token(aud="x", exp=1, tenant="y", name=STRANGER), client(tenants=["z"]))
    assert [step for step, word in said.items() if word == "failed"] == ["audience", "time", "tenant", "key"]
    assert said["signature"] == "not reached"
    said = verdicts(token(iss="x"))
    assert (said["issuer"], said["tenant"], said["key"]) == ("failed", "not reached", "not reached")
    assert set(verdicts("rubbish").values()) == {"failed", "not reached"}


def test_asking_does_not_spend_the_token() -> None:
    check = TokenCheck(RemoteKeys(nothing_fetched), LocalGuard())
    text = token()
    for _ in range(2):
        assert verdicts(text, check=check)["replay"] == "passed"
    taken(text, check=check)
    assert verdicts(text, check=check)["replay"] == "failed"


class Closed(LocalGuard):
    def first(self, *_: object) -> bool:
        raise GuardClosedError("no server")

    def seen(self, *_: object) -> bool:
        raise GuardClosedError("no server")


def test_without_the_guard_a_good_token_is_not_refused_but_not_taken_and_a_bad_one_is_still_bad() -> None:
    check = TokenCheck(RemoteKeys(nothing_fetched), Closed())
    with pytest.raises(GuardClosedError):
        taken(token(), check=check)
    with pytest.raises(Unauthorised):
        taken(token(aud="x"), check=check)
    assert verdicts(token(), check=check)["replay"] == "not reached"


def test_the_log_may_say_who_a_token_claims_to_be_and_nothing_else() -> None:
    case = Case(token(tenant="t", jti="j", sub="Rosalind"), URL, NOW)
    TokenCheck(RemoteKeys(nothing_fetched), LocalGuard()).check(case, clients())
    assert case.told() == {"claimed_iss": ISS, "claimed_tenant": "t", "claimed_jti": "j"}
