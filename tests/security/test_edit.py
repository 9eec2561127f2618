"""Commands change one entry of CLIENTS_FILE and nothing else, at once or not at all."""

import json
import stat
import threading
from pathlib import Path

import pytest

from service.security import edit
from service.security.clients_file import ClientsFileError, read_clients
from service.security.keys import digest
from tests.security.signing import client

HASH = digest("x")


def entry(name: str) -> dict:
    return {"id": name, "hash": HASH, "scopes": ["advice"]}


def ids(file: Path) -> list[str]:
    return list(read_clients(file).keys)


YAML = f"""\
# who may call us
clients: []   # none yet

# keys of the board
keys:
  # the first
  - id: one
    hash: {HASH}   # printed in March
    scopes: [advice, cds]

  # the second
  - {{id: two, hash: {HASH}}}
# the end
"""


def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    for name in ("a.json", "a.yaml"):
        edit.add(tmp_path / name, "keys", entry("one"))
        assert ids(tmp_path / name) == ["one"]
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert json.loads((tmp_path / "a.json").read_text())["keys"][0]["id"] == "one"


def test_what_is_added_to_yaml_stands_behind_the_last_and_all_lines_stay(tmp_path: Path) -> None:
    file = tmp_path / "clients.yaml"
    file.write_text(YAML)
    edit.add(file, "keys", entry("three"))
    lines = file.read_text().splitlines()
    new = [
        "  - id: three",
        f"    hash: {HASH}",
        "    scopes:",
        "    - advice",
    ]
    assert lines == YAML.splitlines()[:-1] + new + ["# the end"]


def test_what_is_removed_from_yaml_takes_no_comment_with_it(tmp_path: Path) -> None:
    file = tmp_path / "clients.yaml"
    file.write_text(YAML)
    edit.remove(file, "keys", "id", "one")
    before = YAML.splitlines()
    assert file.read_text().splitlines() == before[:6] + before[9:]
    edit.remove(file, "keys", "id", "two")
    assert ids(file) == []
    assert "# the second" in file.read_text()


def test_a_client_is_added_where_none_was(tmp_path: Path) -> None:
    file = tmp_path / "clients.yaml"
    file.write_text(YAML)
    edit.add(file, "clients", client())
    assert list(read_clients(file).clients) == [client()["iss"]]
    assert "clients:   # none yet" in file.read_text()
    assert ids(file) == ["one", "two"]


@pytest.mark.parametrize(
    "text",
    ["", "# nothing\n", "keys:\n", "keys: null\n", "keys: []\n", "clients: []", f"keys:\n- {{id: a, hash: {HASH}}}",
     f"---\nkeys:\n    -   id: a\n        hash: {HASH}\n        expires:\n", "clients: []\n...\n",
     f"# who\n---\n'keys': [{{id: a, hash: {HASH}}}]\n", "\ufeffclients: []\r\n"],
)  # fmt: skip
def test_any_plain_layout_of_yaml_takes_an_entry_and_loses_it_again(tmp_path: Path, text: str) -> None:
    file = tmp_path / "clients.yaml"
    file.write_text(text)
    before = ids(file) if text else []
    edit.add(file, "keys", entry("new"))
    assert ids(file) == [*before, "new"]
    edit.remove(file, "keys", "id", "new")
    assert ids(file) == before


def test_a_shared_list_is_not_changed_in_both_places(tmp_path: Path) -> None:
    file = tmp_path / "clients.yaml"
    file.write_text("clients: &none []\nkeys: *none\n")
    edit.add(file, "keys", entry("new"))
    assert (ids(file), list(read_clients(file).clients)) == (["new"], [])


@pytest.mark.parametrize("new", ["", YAML, YAML + "keys: ["])
def test_an_edit_that_does_not_read_as_expected_is_refused_and_the_file_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new: str
) -> None:
    """Whatever the library makes of a file is read back first."""
    monkeypatch.setattr("service.security.edit._edit_yaml", lambda *_: new)
    file = tmp_path / "clients.yaml"
    file.write_text(YAML)
    with pytest.raises(ClientsFileError, match="by hand"):
        edit.add(file, "keys", entry("new"))
    assert file.read_text() == YAML
    assert [each.name for each in tmp_path.iterdir()] == ["clients.yaml"]


def test_json_stays_json_with_all_that_it_held(tmp_path: Path) -> None:
    file = tmp_path / "clients"
    file.write_text(json.dumps({"keys": [entry("one")], "clients": [client(tenants=["Klinik für Brust"])]}))
    edit.add(file, "keys", entry("two"))
    edit.remove(file, "keys", "id", "one")
    assert json.loads(file.read_text()) == {
        "keys": [entry("two")],
        "clients": [client(tenants=["Klinik für Brust"])],
    }


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o400])
def test_the_mode_stays(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "clients.yaml"
    file.write_text(YAML)
    file.chmod(mode)
    edit.add(file, "keys", entry("new"))
    assert stat.S_IMODE(file.stat().st_mode) == mode


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    file, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    file.write_text(YAML)
    link.symlink_to(file)
    edit.add(link, "keys", entry("new"))
    assert link.is_symlink()
    assert "new" in ids(file)


def test_a_broken_file_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "clients.yaml"
    file.write_text("keys: {")
    with pytest.raises(ClientsFileError):
        edit.add(file, "keys", entry("new"))
    assert file.read_text() == "keys: {"


def test_an_entry_that_would_break_it_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "clients.yaml"
    file.write_text(YAML)
    for bad in (entry("one"), entry("Two"), entry("a") | {"scopes": ["all"]}):
        with pytest.raises(ClientsFileError):
            edit.add(file, "keys", bad)
    assert file.read_text() == YAML


def test_what_is_not_there_cannot_be_removed(tmp_path: Path) -> None:
    file = tmp_path / "clients.yaml"
    file.write_text(YAML)
    with pytest.raises(LookupError):
        edit.remove(file, "keys", "id", "nobody")
    assert file.read_text() == YAML


def test_a_disk_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "clients.yaml"
    file.write_text(YAML)

    def fails(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("service.security.edit.os.fsync", fails)
    with pytest.raises(OSError, match="space"):
        edit.add(file, "keys", entry("new"))
    assert file.read_text() == YAML
    assert [each.name for each in tmp_path.iterdir()] == ["clients.yaml"]


def test_commands_at_once_do_not_lose_each_other_s_change(tmp_path: Path) -> None:
    file = tmp_path / "clients.yaml"
    threads = [threading.Thread(target=edit.add, args=(file, "keys", entry(f"k{i}"))) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ids(file)) == sorted(f"k{i}" for i in range(12))
