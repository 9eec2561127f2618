"""Tokens and keys that a thief would show. Each maker gives the header lines of one attempt, never twice the same."""

import base64
import json
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from joserfc.jwk import ECKey, RSAKey

from tests.security.signing import ISS, b64, claims, hmac_signed, pair, public, raw, signed

TENANT = "ward-1"
EC, RSA, THIEF = "first", "second", "thief"
Lines = tuple[str, ...]
Maker = Callable[[random.Random], Lines]


@dataclass(frozen=True)
class Target:
    """What is attacked, and what a thief may know or have."""

    url: str
    """The address called: what a good token has as its aud."""
    keys: Mapping[str, str]
    """Whole keys by id: `advice`, `metrics` (another scope), `expired`, `revoked`."""
    hashes: Mapping[str, str]
    """What CLIENTS_FILE keeps of them."""
    stranger: int
    """A port on which somebody listens who is not on record."""

    def said(self, **changes: Any) -> dict[str, Any]:
        """The claims of a good token, or changed ones."""
        return claims(**{"aud": self.url, "tenant": TENANT} | changes)


def bearer(text: str) -> Lines:
    """As it should be sent."""
    return (f"Authorization: Bearer {text}",)


def attacks(target: Target) -> dict[str, dict[str, Maker]]:
    """Group -> name -> maker."""
    return {
        "signature": dict(_signatures(target)),
        "claims": dict(_claims(target)),
        "key of the token": dict(_keys_of_tokens(target)),
        "form": dict(_forms(target)),
        "scheme": dict(_schemes(target)),
        "API key": dict(_api_keys(target)),
    }


def _signatures(target: Target) -> Iterator[tuple[str, Maker]]:
    said = target.said

    def headed(alg: str, kid: str = EC) -> str:
        return f"{b64({'alg': alg, 'typ': 'JWT', 'kid': kid})}.{b64(said())}"

    for alg in ("none", "None", "NONE", "nOnE", ""):
        yield f"alg {alg!r}, no signature", lambda _, alg=alg: bearer(f"{headed(alg)}.")
        yield (
            f"alg {alg!r}, some signature",
            lambda chance, alg=alg: bearer(f"{headed(alg)}.{b64(chance.randbytes(96))}"),
        )
    for name, secret in _public_forms().items():
        for alg in ("HS256", "HS384", "HS512"):
            yield (
                f"{alg} with the public key as {name}",
                lambda _, alg=alg, secret=secret: bearer(hmac_signed(said(), secret, alg)),
            )
    for alg in ("ES256", "ES512", "RS256", "PS384", "EdDSA", "es384", "dir"):
        yield f"alg {alg}", lambda chance, alg=alg: bearer(f"{headed(alg)}.{b64(chance.randbytes(96))}")
    yield "an ES384 signature under the RSA key's name", lambda _: bearer(signed(said(), "ES384", THIEF, kid=RSA))
    yield "an RS384 signature under the EC key's name", lambda _: bearer(signed(said(), "RS384", RSA, kid=EC))
    yield "another's signature", lambda _: bearer(signed(said(), "ES384", THIEF, kid=EC))
    yield "zeros", lambda _: bearer(f"{headed('ES384')}.{b64(bytes(96))}")
    one = (bytes(47) + b"\x01") * 2
    yield "r and s one", lambda _: bearer(f"{headed('ES384')}.{b64(one)}")
    yield "random bytes", lambda chance: bearer(f"{headed('ES384')}.{b64(chance.randbytes(96))}")

    def flipped(chance: random.Random) -> Lines:
        head, body, signature = signed(said()).split(".")
        data = bytearray(_unb64(signature))
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        return bearer(f"{head}.{body}.{b64(bytes(data))}")

    def of_another(_: random.Random) -> Lines:
        one, other = signed(said()).split("."), signed(said()).split(".")
        return bearer(".".join([*one[:2], other[2]]))

    def promoted(_: random.Random) -> Lines:
        head, _body, signature = signed(said(exp=int(time.time()) - 3600, iat=int(time.time()) - 3700)).split(".")
        return bearer(f"{head}.{b64(said())}.{signature}")

    def der(_: random.Random) -> Lines:
        head, body, signature = signed(said()).split(".")
        data = _unb64(signature)
        return bearer(
            f"{head}.{body}.{b64(encode_dss_signature(int.from_bytes(data[:48]), int.from_bytes(data[48:])))}"
        )

    yield "one bit flipped", flipped
    yield "of another token", of_another
    yield "an expired token's, under new claims", promoted
    yield "in DER", der


def _public_forms() -> dict[str, bytes]:
    found = {}
    for name, key in (("EC", pair("ES384", EC)), ("RSA", pair("RS384", RSA))):
        assert isinstance(key, ECKey | RSAKey)
        known = key.public_key
        for form, encoding in (("PEM", serialization.Encoding.PEM), ("DER", serialization.Encoding.DER)):
            data = known.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
            found[f"{name} {form}"] = data
    found["PEM without its last line end"] = found["EC PEM"].strip()
    found["JWK"] = json.dumps(public("ES384", EC)).encode()
    found["nothing"] = b""
    return found


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _claims(target: Target) -> Iterator[tuple[str, Maker]]:
    now = time.time
    changes: dict[str, Callable[[], dict[str, Any]]] = {
        "aud of another path": lambda: {"aud": target.url.replace("recommendations", "facts/extract")},
        "aud of another host": lambda: {"aud": "https://other.example/v1/recommendations"},
        "aud the base alone": lambda: {"aud": target.url.split("/v1")[0]},
        "aud with a slash more": lambda: {"aud": f"{target.url}/"},
        "aud with a query": lambda: {"aud": f"{target.url}?view=row"},
        "aud in capitals": lambda: {"aud": target.url.upper()},
        "aud a beginning": lambda: {"aud": target.url[:-1]},
        "aud empty": lambda: {"aud": ""},
        "aud an empty list": lambda: {"aud": []},
        "aud an object": lambda: {"aud": {target.url: True}},
        "aud missing": lambda: {"aud": None},
        "iss unknown": lambda: {"iss": "https://evil.example"},
        "iss with a slash more": lambda: {"iss": f"{ISS}/"},
        "iss in capitals": lambda: {"iss": ISS.upper()},
        "iss a list": lambda: {"iss": [ISS]},
        "iss missing": lambda: {"iss": None},
        "tenant unknown": lambda: {"tenant": "ward-2"},
        "tenant a list": lambda: {"tenant": [TENANT]},
        "tenant missing": lambda: {"tenant": None},
        "expired": lambda: {"iat": int(now()) - 400, "exp": int(now()) - 60},
        "expired long ago": lambda: {"iat": 1, "exp": 2},
        "issued in the future": lambda: {"iat": int(now()) + 120, "exp": int(now()) + 300},
        "not valid yet": lambda: {"nbf": int(now()) + 120},
        "living too long": lambda: {"exp": int(now()) + 7200},
        "exp a text": lambda: {"exp": str(int(now()) + 300)},
        "exp true": lambda: {"exp": True},
        "exp enormous": lambda: {"exp": 10**30},
        "exp missing": lambda: {"exp": None},
        "iat missing": lambda: {"iat": None},
        "iat negative": lambda: {"iat": -1},
        "jti missing": lambda: {"jti": None},
        "jti empty": lambda: {"jti": ""},
        "jti a number": lambda: {"jti": 7},
        "jti of 1,000 characters": lambda: {"jti": uuid.uuid4().hex * 32},
    }
    for name, change in changes.items():
        yield name, lambda _, change=change: bearer(signed(target.said(**change())))


def _keys_of_tokens(target: Target) -> Iterator[tuple[str, Maker]]:
    theirs = public("ES384", THIEF)
    stranger = f"127.0.0.1:{target.stranger}/jwks.json"
    for name, more in {
        "jku to a stranger": {"jku": f"https://{stranger}"},
        "jku to a stranger, unencrypted": {"jku": f"http://{stranger}"},
        "jku to a stranger behind a known name": {"jku": f"https://ehr.example@{stranger}"},
        "jku to a file": {"jku": "file:///etc/passwd"},
        "x5u to a stranger": {"x5u": f"https://{stranger}"},
        "an embedded key": {"jwk": theirs},
        "an embedded key under a known name": {"jwk": {**theirs, "kid": EC}},
        "an embedded chain": {"x5c": [b64(b"no certificate")]},
        "an empty jku": {"jku": ""},
        "jku a list": {"jku": [f"https://{stranger}"]},
    }.items():
        for whose, kid in (("known", EC), ("the thief's", THIEF)):
            said = {"alg": "ES384", "typ": "JWT", "kid": kid, **more}
            yield f"{name}, kid {whose}", lambda _, said=said: bearer(raw(said, target.said(), "ES384", THIEF))
    for kid in (
        "../../../../../../dev/null", "/dev/null", "first' OR '1'='1", "first\u0000", "FIRST", " first", "", "*",
        "first\nsecond", "$(id)", "{{7*7}}", "k" * 300, 7, ["first"], {"kid": "first"}, True,
    ):  # fmt: skip
        yield (
            f"kid {str(kid)[:30]!r}",
            lambda _, kid=kid: bearer(raw({"alg": "ES384", "typ": "JWT", "kid": kid}, target.said(), "ES384", THIEF)),
        )
    yield "kid missing", lambda _: bearer(raw({"alg": "ES384", "typ": "JWT"}, target.said()))


def _forms(target: Target) -> Iterator[tuple[str, Maker]]:
    good = lambda: signed(target.said())  # noqa: E731 - one made a time
    cuts: dict[str, Callable[[str], str]] = {
        "without its signature": lambda text: text.rpartition(".")[0],
        "with an empty signature": lambda text: f"{text.rpartition('.')[0]}.",
        "cut in the middle": lambda text: text[: len(text) // 2],
        "one character less": lambda text: text[:-1],
        "ten characters less": lambda text: text[:-10],
        "its header alone": lambda text: text.split(".")[0],
        "a fourth part": lambda text: f"{text}.{b64(b'x')}",
        "five parts": lambda text: f"{text}.a.b",
        "blanks inside": lambda text: text.replace(".", ". "),
        "padded": lambda text: f"{text}==",
        "in quotation marks": lambda text: f'"{text}"',
        "twice": lambda text: f"{text},{text}",
        "empty parts": lambda _: "..",
        "garbage": lambda _: uuid.uuid4().hex,
        "8,000 characters": lambda text: text + "A" * (7_900 - len(text)),
        "a header of 5 kB": lambda _: raw({"alg": "ES384", "typ": "JWT", "kid": EC, "x": "y" * 4_000}, target.said()),
    }
    for name, cut in cuts.items():
        yield name, lambda _, cut=cut: bearer(cut(good()))
    head, said = {"alg": "ES384", "typ": "JWT", "kid": EC}, target.said
    texts: dict[str, Callable[[], tuple[Any, Any]]] = {
        "alg twice": lambda: ('{"alg":"none","alg":"ES384","typ":"JWT","kid":"first"}', said()),
        "kid twice": lambda: ('{"alg":"ES384","typ":"JWT","kid":"thief","kid":"first"}', said()),
        "aud twice": lambda: (head, json.dumps(said(aud="x"))[:-1] + f',"aud":"{target.url}"}}'),
        "exp twice": lambda: (head, json.dumps(said(exp=1))[:-1] + f',"exp":{int(time.time()) + 300}}}'),
        "jti twice": lambda: (head, json.dumps(said())[:-1] + ',"jti":"x"}'),
        "claims that are a list": lambda: (head, json.dumps([said()])),
        "claims that are no JSON": lambda: (head, "x"),
        "claims nested deep": lambda: (head, "[" * 2_000 + "]" * 2_000),
        "NaN as exp": lambda: (head, json.dumps(said())[:-1].replace('"exp"', '"was"') + ',"exp":NaN}'),
        "a header that is a list": lambda: (json.dumps([head]), said()),
        "crit": lambda: ({**head, "crit": ["exp"], "exp": 1}, said()),
        "b64 false": lambda: ({**head, "crit": ["b64"], "b64": False}, said()),
        "typ missing": lambda: ({"alg": "ES384", "kid": EC}, said()),
        "typ of an access token": lambda: ({**head, "typ": "at+jwt"}, said()),
        "typ a list": lambda: ({**head, "typ": ["JWT"]}, said()),
        "alg a list": lambda: ({**head, "alg": ["ES384"]}, said()),
        "an encrypted token": lambda: ({"alg": "dir", "enc": "A256GCM", "typ": "JWT", "kid": EC}, said()),
    }
    for name, made in texts.items():
        yield name, lambda _, made=made: bearer(raw(*made()))


def _schemes(target: Target) -> Iterator[tuple[str, Maker]]:
    made: dict[str, Callable[[str], Lines]] = {
        "nothing": lambda _: (),
        "no scheme": lambda text: (f"Authorization: {text}",),
        "Basic": lambda text: (f"Authorization: Basic {text}",),
        "Token": lambda text: (f"Authorization: Token {text}",),
        "Digest": lambda _: ('Authorization: Digest username="a"',),
        "an empty header": lambda _: ("Authorization:",),
        "Bearer alone": lambda _: ("Authorization: Bearer",),
        "Bearer and a tab": lambda text: (f"Authorization: Bearer\t{text}",),
        "Bearer=": lambda text: (f"Authorization: Bearer={text}",),
        "a token where a key belongs": lambda text: (f"X-API-Key: {text}",),
        "in a cookie": lambda text: (f"Cookie: Authorization=Bearer {text}; token={text}",),
        "in another header": lambda text: (f"Proxy-Authorization: Bearer {text}",),
        "with a key beside it": lambda text: (f"Authorization: Bearer {text}", f"X-API-Key: {target.keys['advice']}"),
        "X-Forwarded-User": lambda _: ("X-Forwarded-User: admin", "X-Remote-User: admin", "X-Original-URL: /livez"),
    }
    for name, lines in made.items():
        yield name, lambda _, lines=lines: lines(signed(target.said()))


def _api_keys(target: Target) -> Iterator[tuple[str, Maker]]:
    good, prefix = target.keys["advice"], "ogs_advice_"
    secret = good.removeprefix(prefix)
    made: dict[str, Callable[[random.Random], str]] = {
        "wrong secret": lambda chance: prefix + b64(chance.randbytes(32)),
        "unknown id": lambda chance: f"ogs_nobody_{b64(chance.randbytes(32))}",
        "a known secret under an unknown id": lambda _: f"ogs_nobody_{secret}",
        "another's secret": lambda _: prefix + target.keys["metrics"].removeprefix("ogs_metrics_"),
        "expired": lambda _: target.keys["expired"],
        "one character less": lambda _: good[:-1],
        "one character more": lambda _: f"{good}A",
        "one character changed": lambda chance: _changed(chance, good, len(prefix)),
        "in capitals": lambda _: prefix + secret.swapcase(),
        "no secret": lambda _: prefix,
        "its prefix": lambda _: "ogs_",
        "no id": lambda _: f"ogs__{secret}",
        "what is kept of it": lambda _: target.hashes["advice"],
        "what is kept of it, as a secret": lambda _: prefix + target.hashes["advice"],
        "a zero byte's place": lambda _: f"{good}%00",
        "8,000 characters": lambda _: prefix + "A" * 7_900,
    }
    for name, key in made.items():
        yield name, lambda chance, key=key: bearer(key(chance))
        yield f"{name}, in X-API-Key", lambda chance, key=key: (f"X-API-Key: {key(chance)}",)


def _changed(chance: random.Random, key: str, start: int) -> str:
    index = chance.randrange(start, len(key))
    return key[:index] + chance.choice(sorted({"A", "b", "3", "-"} - {key[index]})) + key[index + 1 :]
