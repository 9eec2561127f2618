"""CLIENTS_FILE: JSON or YAML of one shape, checked as a whole; a fault is told with its place, never with its value."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from marshmallow import Schema, ValidationError, fields, post_load, validate

from service.security.keys import HASH, KEY_ID, ApiKey
from service.security.public_key import ALGORITHMS, Key, KeyFault, read_key
from service.security.scopes import SCOPES, TOKEN_DEFAULT
from service.settings import SettingsError

HARMLESS = re.compile(r"[a-z]{1,12}")
"""A name that a fault may repeat. Anything else may be a key that somebody pasted into the wrong place."""
KEY_ID_RULE = "1 to 32 characters of a-z, 0-9 and -, the first no -."


class ClientsFileError(SettingsError):
    """A file that does not load. The message has a line for each fault: file, path inside it, fault."""

    def __init__(self, file: Path, faults: list[tuple[str, str]]) -> None:
        self.faults = [f"{path or '/'}: {detail}" for path, detail in faults]
        super().__init__("\n".join(f"CLIENTS_FILE {file}: {fault}" for fault in self.faults))


@dataclass(frozen=True)
class Client:
    """Somebody whose tokens are taken."""

    iss: str
    jku: tuple[str, ...]
    keys: Mapping[str, Key]
    audiences: frozenset[str]
    tenants: frozenset[str]
    algorithms: frozenset[str]
    scopes: frozenset[str]


@dataclass(frozen=True)
class Clients:
    """The file as it was read: clients by issuer, keys by id."""

    clients: Mapping[str, Client]
    keys: Mapping[str, ApiKey]


def read_clients(file: Path) -> Clients:
    """Return the clients and keys of the file. Raise ClientsFileError."""
    return parse_clients(read_text(file), file)


def read_text(file: Path) -> str:
    """Return the text of the file. Raise ClientsFileError."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ClientsFileError(file, [("", error.strerror or "cannot be read")]) from None
    except UnicodeDecodeError:
        raise ClientsFileError(file, [("", "is not UTF-8 text")]) from None
    if not text.strip():  # as it is for a moment while an editor writes it
        raise ClientsFileError(file, [("", "is empty; {} would say that nobody may call")])
    return text


def parse_clients(text: str, file: Path) -> Clients:
    """Return the clients and keys that the text of the file names. Raise ClientsFileError."""
    return clients_of(tree_of(text, file), file)


def clients_of(tree: Any, file: Path) -> Clients:
    """Check a tree. Raises ClientsFileError."""
    try:
        found: Clients = _File().load(tree)
    except ValidationError as error:
        raise ClientsFileError(file, list(_flat(error.messages))) from None
    return found


def is_json(text: str) -> bool:
    """Whether the text is to be read as JSON: a mapping in YAML's block style does not begin like this."""
    return text.lstrip("\ufeff \t\r\n")[:1] in {"{", "["}


def tree_of(text: str, file: Path) -> Any:
    """The text as mappings, lists and strings. Raises ClientsFileError; a repeated key is a fault."""
    try:
        if is_json(text):
            return json.loads(text, object_pairs_hook=_object)
        node = yaml.compose(text, Loader=yaml.CBaseLoader)
        return {} if node is None else _value(node, "")
    except json.JSONDecodeError as error:
        fault = ("", f"is not JSON: {error.msg} (line {error.lineno}, column {error.colno})")
    except yaml.MarkedYAMLError as error:
        line = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        fault = ("", f"is not YAML: {error.problem}{line}")
    except RecursionError:
        fault = ("", "is nested too deep")
    except (yaml.YAMLError, ValueError) as error:
        fault = error.args if isinstance(error, _RepeatedKeyError) else ("", "cannot be read as JSON or YAML")
    raise ClientsFileError(file, [fault]) from None


class _RepeatedKeyError(ValueError):
    """Its arguments are a path and the fault."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1)
        raise _RepeatedKeyError("", f"the key {_shown(twice)} stands twice in one object")
    return found


def _value(node: yaml.Node, path: str) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, f"{path}/{index}") for index, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, below in node.value:
            if not isinstance(key.value, str) or key.value in found:
                raise _RepeatedKeyError(path, f"a key stands twice or is no text (line {key.start_mark.line + 1})")
            found[key.value] = _value(below, f"{path}/{_shown(key.value)}")
        return found
    plain = isinstance(node, yaml.ScalarNode) and not node.style
    return None if plain and node.value in {"", "~", "null"} else node.value


def _flat(messages: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(messages, dict):
        for name, below in messages.items():
            yield from _flat(below, path if name == "_schema" else f"{path}/{_shown(name)}")
    else:
        for text in messages if isinstance(messages, list) else [messages]:
            yield path, str(text)


def _shown(name: Any) -> str:
    return str(name) if isinstance(name, int) or HARMLESS.fullmatch(str(name)) else "(a name that is not shown)"


def _https(url: str) -> None:
    try:
        parts = urlsplit(url)
        right = parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        right = False
    if not right or "#" in url:
        raise ValidationError("Must be an https URL without user name and fragment.")


class _PublicKey(fields.Field[tuple[str, Key]]):
    """A JSON Web Key with its kid."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, Key]:
        try:
            return read_key(value)
        except KeyFault as fault:
            raise ValidationError(f"The key {fault}.") from None


def _texts(default: tuple[str, ...], one_of: tuple[str, ...] = (), *, any_by_default: bool = False) -> Any:
    """A list of texts. Only where it is left out the default holds: an emptied list opens nothing.

    Where the default is "any", an emptied list is a fault; elsewhere it is an empty list, and so is null.
    """
    rule = validate.OneOf(one_of) if one_of else validate.Length(min=1)
    return fields.List(
        fields.String(validate=rule),
        load_default=default,
        allow_none=not any_by_default,
        validate=validate.Length(min=1) if any_by_default else None,
    )


class _Jwks(Schema):
    keys = fields.List(_PublicKey(), required=True)

    @post_load
    def by_kid(self, data: Any, **_: Any) -> dict[str, Key]:
        found = dict(data["keys"])
        if len(found) < len(data["keys"]):
            raise ValidationError("Two keys have the same kid.", "keys")
        return found


class _Client(Schema):
    iss = fields.String(required=True, validate=validate.Length(min=1))
    jku = fields.List(fields.String(validate=_https), load_default=list)
    jwks = fields.Nested(_Jwks, load_default=None)
    audiences = _texts(())
    tenants = _texts((), any_by_default=True)
    algorithms = _texts(ALGORITHMS, ALGORITHMS, any_by_default=True)
    scopes = _texts(TOKEN_DEFAULT, SCOPES)

    @post_load
    def client(self, data: Any, **_: Any) -> Client:
        if data["jwks"] is None and not data["jku"]:
            raise ValidationError("Missing; without it name a jku to fetch the keys from.", "jwks")
        listed = {name: frozenset(data[name] or ()) for name in ("audiences", "tenants", "algorithms", "scopes")}
        return Client(
            iss=data["iss"],
            jku=tuple(data["jku"]),
            keys=data["jwks"] or {},
            **listed,
        )


class _Key(Schema):
    id = fields.String(required=True, validate=lambda text: _matches(KEY_ID, text, KEY_ID_RULE))
    hash = fields.String(
        required=True, validate=lambda text: _matches(HASH, text, "sha256: and 64 hexadecimal digits, as printed.")
    )
    scopes = _texts((), SCOPES)
    expires = fields.Date(format="iso", allow_none=True, load_default=None)

    @post_load
    def key(self, data: Any, **_: Any) -> ApiKey:
        return ApiKey(data["id"], data["hash"], frozenset(data["scopes"] or ()), data["expires"])


class _File(Schema):
    # Null, as YAML leaves it where somebody deletes the last entry, is an empty list: that entry must not live on.
    clients = fields.List(fields.Nested(_Client), load_default=None)
    keys = fields.List(fields.Nested(_Key), load_default=None)

    @post_load
    def file(self, data: Any, **_: Any) -> Clients:
        listed_clients, listed_keys = data["clients"] or [], data["keys"] or []
        clients = {client.iss: client for client in listed_clients}
        keys = {key.id: key for key in listed_keys}
        if len(clients) < len(listed_clients):
            raise ValidationError("Two clients have the same iss.", "clients")
        if len(keys) < len(listed_keys):
            raise ValidationError("Two keys have the same id.", "keys")
        return Clients(clients, keys)


def _matches(pattern: Any, text: str, rule: str) -> None:
    if not pattern.fullmatch(text):
        raise ValidationError(f"Must be {rule}")
