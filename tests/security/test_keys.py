"""API keys: only a digest is kept, and only the right secret of a key that has not expired is taken."""

import datetime as dt
import hashlib
import hmac

import pytest

from service.security.keys import ApiKey, checked, digest, new_key
from service.security.refusal import Unauthorised

TODAY = dt.date(2026, 11, 23)


def known(expires: dt.date | None = None) -> tuple[str, dict[str, ApiKey]]:
    key, kept = new_key("board")
    return key, {"board": ApiKey("board", kept, frozenset({"advice"}), expires)}


def test_a_key_names_itself_and_holds_32_random_bytes() -> None:
    made = {new_key("board")[0] for _ in range(100)}
    assert len(made) == 100
    for key in made:
        prefix, name, secret = key.split("_", 2)
        assert (prefix, name) == ("ogs", "board")
        assert len(secret) == 43  # base64 of 32 bytes


def test_what_is_kept_is_the_digest_of_the_whole_key() -> None:
    key, kept = new_key("board")
    assert kept == f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"
    assert key.split("_", 2)[2] not in kept


def test_the_right_key_is_taken() -> None:
    key, entries = known()
    assert checked(key, entries, TODAY).id == "board"


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key[:-1],
        lambda key: key + "x",
        lambda key: key.swapcase(),
        lambda key: key.replace("board", "bored"),
        lambda key: key.replace("ogs_board_", "ogs_board__"),
        lambda _: "ogs_",
        lambda _: "ogs_board",
        lambda _: "ogs_board_",
        lambda _: "ogs__",
        lambda key: key + " " * 500,
        digest,
        lambda key: f"ogs_board_{digest(key)}",
        lambda _: "ogs_é_é",
    ],
)
def test_any_other_is_not(change) -> None:
    key, entries = known()
    with pytest.raises(Unauthorised) as refused:
        checked(change(key), entries, TODAY)
    assert key.split("_", 2)[2] not in str(refused.value)


def test_a_key_holds_to_the_end_of_its_last_day() -> None:
    key, entries = known(TODAY)
    assert checked(key, entries, TODAY)
    with pytest.raises(Unauthorised, match="expired"):
        checked(key, entries, TODAY + dt.timedelta(days=1))


def test_a_wrong_secret_of_an_expired_key_is_a_wrong_secret() -> None:
    key, entries = known(TODAY - dt.timedelta(days=1))
    with pytest.raises(Unauthorised, match="wrong secret"):
        checked(key[:-1], entries, TODAY)


def test_secrets_are_compared_in_constant_time_for_unknown_ids_too(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(a: str, b: str) -> bool:
        compared.append((len(a), len(b)))
        return hmac.compare_digest(a, b)

    key, entries = known()
    with monkeypatch.context() as watched:
        watched.setattr("service.security.keys.hmac", type("H", (), {"compare_digest": staticmethod(compare)}))
        for text in (key, "ogs_nobody_x"):
            try:
                checked(text, entries, TODAY)
            except Unauthorised:
                continue
    assert compared == [(71, 71), (71, 71)]
