"""Whoever measures how long a comparison takes learns nothing of a secret: digests are compared in constant time."""

import ast
from pathlib import Path

import pytest

import service

ROOT = Path(service.__file__).parent
FILES = sorted(file for room in ("security", "cache") for file in (ROOT / room).glob("*.py"))
SECRETS = {"digest", "hash", "hashed", "mac", "hmac", "hexdigest", "secret", "signature", "seal"}


def compared(source: str) -> list[int]:
    """Lines that compare something of a secret's name by == or != or in."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Compare)
        and any(isinstance(way, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for way in node.ops)
        and any(_secret(each) for each in (node.left, *node.comparators))
    ]


def _secret(value: ast.expr) -> bool:
    value = value.func if isinstance(value, ast.Call) else value
    value = value.value if isinstance(value, ast.Subscript) else value
    name = value.attr if isinstance(value, ast.Attribute) else value.id if isinstance(value, ast.Name) else ""
    return bool(SECRETS & set(name.lower().strip("_").split("_")))


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_no_digest_is_compared_with_equals(file: Path) -> None:
    assert compared(file.read_text()) == []


def test_keys_and_cached_answers_are_compared_in_constant_time() -> None:
    """Tags of AES-GCM are compared by OpenSSL, which does so."""
    assert "hmac.compare_digest(" in (ROOT / "security/keys.py").read_text()
    assert ".decrypt(" in (ROOT / "cache/seal.py").read_text()


@pytest.mark.parametrize(
    "line",
    [
        "digest(key) == kept",
        "found.hash != given",
        "key in hashed",
        "self._digest(x) == y",
        "mac[:16] == y",
        "x == key.hexdigest()",
    ],
)
def test_the_check_finds_what_it_looks_for(line: str) -> None:
    assert compared(line) == [1]
