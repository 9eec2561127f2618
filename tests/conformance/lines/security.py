"""S: who may call. Every refusal is 401 and says nothing."""

import base64
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from tests.conformance.checklist import DISCOVERY, NotAskedError, Target, has_status, line, require
from tests.conformance.party import Party, tampered

HOUR = 3600
AT_ONCE = 12


def party(target: Target) -> Party:
    if target.party is None:
        raise NotAskedError("AUTH=none, or no client was given")
    return target.party


def here(target: Target) -> str:
    """The audience of a call of the service."""
    return target.public_url + target.address


def refused(target: Target, *tokens: str) -> str:
    """Each token is 401."""
    for token in tokens:
        reply = target.ask(target.body(), token=token)
        require(reply.status == 401, f"expected 401, got {reply.says()}")
        require(reply.headers.get("www-authenticate", "").startswith("Bearer"), "WWW-Authenticate: Bearer is missing")
    return f"{len(tokens)} tokens refused with 401"


def taken(target: Target, *tokens: str) -> str:
    """Each token is let in."""
    for token in tokens:
        has_status(target.ask(target.body(), token=token), 200)
    return f"{len(tokens)} tokens let in"


@line("S1", "s", "no token is 401")
def no_token(target: Target) -> str:
    party(target)
    reply = has_status(target.ask(target.body(), token=None), 401)
    require(reply.headers.get("www-authenticate", "").startswith("Bearer"), "WWW-Authenticate: Bearer is missing")
    return f"401, WWW-Authenticate: {reply.headers['www-authenticate']}"


@line("S2", "S", "ES384 and RS384 are let in")
def algorithms(target: Target) -> str:
    return taken(target, *(party(target).token(here(target), name) for name in ("ES384", "RS384")))


@line("S3", "S", "an array as audience is let in")
def audiences(target: Target) -> str:
    return taken(target, party(target).token(["https://other.example/cds", here(target)]))


@line("S4", "S", "a token that was changed is 401")
def changed(target: Target) -> str:
    right = party(target).token(here(target))
    head, body, signature = right.split(".")
    flipped = f"{head}.{body}.{signature[:-8]}{'A' * 8 if not signature.endswith('A' * 8) else 'B' * 8}"
    stranger = Party(party(target).iss, party(target).jku)
    stolen = {"kid": party(target).keys["ES384"].kid}
    return refused(
        target,
        tampered(right, jti=str(uuid.uuid4())),
        flipped,
        f"{head}.{body}.",
        stranger.token(here(target), header=stolen),
    )


@line("S5", "S", "the algorithm none is 401")
def unsigned(target: Target) -> str:
    bare = party(target).unsigned(here(target))
    return refused(target, bare, bare + "AAAA")


@line("S6", "S", "HS256 keyed with the public key is 401")
def confused(target: Target) -> str:
    return refused(target, party(target).signed_with_the_public_key(here(target)))


@line("S7", "S", "an expired token is 401")
def expired(target: Target) -> str:
    now = int(time.time())
    return refused(target, party(target).token(here(target), iat=now - 2 * HOUR, exp=now - HOUR))


@line("S8", "S", "a token for another address is 401")
def audience(target: Target) -> str:
    base = target.public_url
    others = (
        base,
        base + DISCOVERY,
        f"{base}{DISCOVERY}/another",
        f"{here(target)}/feedback",
        f"https://other.example{target.address}",
        [],
    )
    return refused(target, *(party(target).token(other) for other in others))


@line("S9", "s", "an issuer that is not in the registry is 401")
def issuer(target: Target) -> str:
    known = party(target)
    stranger = Party("https://stranger.example/fhir", known.jku)
    return refused(
        target,
        stranger.token(here(target)),
        known.token(here(target), iss=stranger.iss),
        known.token(here(target), iss=7),
    )


@line("S10", "s", "a jku that is not on the issuer's list is 401 and is not fetched")
def key_address(target: Target) -> str:
    known = party(target)
    stranger = Party(known.iss, target.strange_jku)
    said = refused(target, stranger.token(here(target)), known.token(here(target), header={"jku": target.strange_jku}))
    require(not target.fetched, f"fetched: {target.fetched}")
    return f"{said}, nothing fetched"


@line("S11", "s", "a token of the future is 401")
def future(target: Target) -> str:
    now = int(time.time())
    known = party(target)
    return refused(
        target,
        known.token(here(target), iat=now + HOUR, exp=now + 2 * HOUR),
        known.token(here(target), nbf=now + HOUR),
    )


@line("S12", "s", "a token without jti, exp, iat, aud or iss is 401")
def claims(target: Target) -> str:
    known = party(target)
    tokens = [known.token(here(target), **{name: None}) for name in ("jti", "exp", "iat", "iss")]
    return refused(target, *tokens, known.token(None))


@line("S13", "s", "an unknown or missing kid is 401")
def key_id(target: Target) -> str:
    known = party(target)
    return refused(
        target,
        known.token(here(target), header={"kid": "no-such-key"}),
        known.token(here(target), header={"kid": None}),
    )


@line("S14", "s", "a token is let in once")
def replayed(target: Target) -> str:
    known, name = party(target), str(uuid.uuid4())
    token = known.token(here(target), jti=name)
    taken(target, token)
    return refused(target, token, known.token(here(target), "RS384", jti=name))


@line("S15", "s", "a token that comes many times at once is let in once")
def at_once(target: Target) -> str:
    token = party(target).token(here(target))
    body = target.body()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = sorted(reply.status for reply in pool.map(lambda _: target.ask(body, token=token), range(AT_ONCE)))
    require(found == [200, *[401] * (AT_ONCE - 1)], f"statuses {found}")
    return f"{AT_ONCE} at once: one 200, {AT_ONCE - 1} 401"


@line("S16", "s", "claims as Epic makes them are let in")
def epic(target: Target) -> str:
    now = int(time.time())
    known = party(target)
    token = known.token(here(target), "RS384", sub=known.iss, nbf=now - 300, iat=now, exp=now + 900)
    return taken(target, token)


@line("S17", "S", "a client without jku, its keys known out of band, is let in")
def out_of_band(target: Target) -> str:
    party(target)
    if target.plain is None:
        raise NotAskedError("no client without jku was given")
    return taken(target, *(target.plain.token(here(target), name) for name in ("ES384", "RS384")))


@line("S18", "s", "garbage and Basic are 401, and no 401 tells its reason")
def garbage(target: Target) -> str:
    party(target)
    said = refused(target, "garbage", "a.b.c", "..", "é".encode().decode("latin-1"), "x" * 4000)
    basic = base64.b64encode(b"user:password").decode()
    for value in (f"Basic {basic}", "Bearer", "bearer", "Token abc"):
        has_status(target.ask(target.body(), {"Authorization": value}, token=None), 401)
    require(len(target.refusals) == 1, f"401 bodies differ: {sorted(target.refusals)[:3]}")
    return f"{said}; all 401 of this run have one body"


@line("S19", "s", "discovery and feedback without a token, or with that of another address, are 401")
def everywhere(target: Target) -> str:
    known = party(target)
    for method, path in (("GET", DISCOVERY), ("POST", f"{target.address}/feedback")):
        body = None if method == "GET" else {"feedback": []}
        for token in (None, known.token(here(target))):
            has_status(target.call(method, path, body, token=token), 401)
    return "4 calls refused with 401"
