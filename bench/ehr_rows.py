"""What an EHR's call costs beside HTTP: reading a large record, and checking who calls."""

import base64
import contextlib
import datetime as dt
import json
import tempfile
import uuid
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from bench.in_process import read_extraction
from bench.records import bundle
from bench.row import Effort, Measure, Spec, Target
from bench.timing import both, seconds
from service.security.authenticator import Authenticator
from service.settings import Settings

SMALL, LARGE = 312_500, 5_000_000
"""Bytes of a Bundle."""
TOKENS = 300
"""That are verified in a round; each is new."""
ISS, URL, PATH = "https://ehr.example", "http://127.0.0.1:8000", "/cds-services/bench"


def milliseconds_a_megabyte(size: int) -> Callable[[float], float]:
    """Return what measures the reading and extracting of a Bundle of this size, in ms a MB."""
    body = bundle(size)
    read = read_extraction(body)
    return lambda at_least: seconds(read, at_least) * 1000 / (len(body) / 1e6)


@contextlib.contextmanager
def _extraction(effort: Effort) -> Iterator[Measure]:
    sizes = effort.of((SMALL, LARGE), (30_000, 120_000))
    small, large = (milliseconds_a_megabyte(size) for size in sizes)
    yield Measure(lambda: (large(0), small(effort.of(0.5, 0))), {"bytes": list(reversed(sizes))})


def _jwt(algorithm: str) -> Callable[[Effort], contextlib.AbstractContextManager[Measure]]:
    @contextlib.contextmanager
    def opened(effort: Effort) -> Iterator[Measure]:
        number = effort.of(TOKENS, 5)
        pair: Any = ECKey.generate_key("P-384") if algorithm == "ES384" else RSAKey.generate_key(2048)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "clients.json"
            key = {**pair.as_dict(private=False), "kid": "bench"}
            file.write_text(json.dumps({"clients": [{"iss": ISS, "jwks": {"keys": [key]}}]}))
            settings = Settings(auth="clients", clients_file=str(file), replay_guard="local")
            authenticator = Authenticator.of(settings)
            bare = _bare(algorithm, pair.raw_value.public_key())

            def pair_of_rates() -> tuple[float, float]:
                tokens = list(islice(_tokens(algorithm, pair), number))
                checked = iter(tokens)
                parts = [_taken_apart(algorithm, token) for token in tokens]
                verified = iter(parts)

                def ours() -> None:
                    for token in checked:
                        authenticator.caller(f"Bearer {token}", None, URL + PATH)

                def theirs() -> None:
                    for part in verified:
                        bare(*part)

                taken = both(ours, theirs)
                return number / taken[0], number / taken[1]

            yield Measure(pair_of_rates, {"tokens_a_round": number})

    return opened


def _tokens(algorithm: str, key: Any) -> Iterator[str]:
    """Good tokens, each with another jti."""
    now = int(dt.datetime.now(dt.UTC).timestamp())
    head = {"alg": algorithm, "typ": "JWT", "kid": "bench"}
    while True:
        claims = {"iss": ISS, "aud": URL + PATH, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4())}
        yield jws.serialize_compact(head, json.dumps(claims), key, algorithms=[algorithm])


def _taken_apart(algorithm: str, token: str) -> tuple[bytes, bytes]:
    """What was signed, and the signature in the form that the library takes."""
    said, _, text = token.rpartition(".")
    signature = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if algorithm == "ES384":
        half = len(signature) // 2
        numbers = (int.from_bytes(part) for part in (signature[:half], signature[half:]))
        signature = encode_dss_signature(*numbers)
    return said.encode(), signature


def _bare(algorithm: str, key: Any) -> Callable[[bytes, bytes], None]:
    if algorithm == "ES384":
        return lambda said, signature: key.verify(signature, said, ec.ECDSA(SHA384()))
    return lambda said, signature: key.verify(signature, said, padding.PKCS1v15(), SHA384())


def _verified(algorithm: str) -> Spec:
    return Spec(
        f"jwt_verify_{algorithm.lower()}",
        "tokens/s",
        Target.read("ratio >= 0.8"),
        f"{algorithm}: the whole check of a new token (form, issuer, audience, time, key, signature, replay guard in "
        "the process), keys parsed once",
        "the bare signature check of the cryptography library, key parsed and token taken apart beforehand",
        _jwt(algorithm),
    )


SPECS = (
    Spec(
        "extraction",
        "ms/MB",
        Target.read("ratio <= 1.25"),
        "reading a Bundle of 5 MB and extracting its facts",
        "the same of a Bundle of a sixteenth",
        _extraction,
    ),
    _verified("ES384"),
    _verified("RS384"),
)
