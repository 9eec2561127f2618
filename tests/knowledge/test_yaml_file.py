import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.knowledge.yaml_file import ContentError, read_yaml


def read(written, folder, text, **options):
    return read_yaml(written(folder, text), **options)


@pytest.mark.parametrize(
    "word", ["no", "yes", "on", "off", "true", "1:30", "012", "1e3", "2026-11-23", "~", "NULL", "1.10"]
)
def test_a_plain_word_stays_the_text_that_was_typed(written, tmp_path, word):
    assert read(written, tmp_path, f"a: {word}\nb: [{word}]\n") == {"a": word, "b": [word]}


def test_only_the_plain_word_null_is_nothing(written, tmp_path):
    found = read(written, tmp_path, "a: null\nb: 'null'\nc: \"null\"\nd:\ne: Null\n")
    assert found == {"a": None, "b": "null", "c": "null", "d": "", "e": "Null"}


def test_a_key_is_always_text(written, tmp_path):
    assert read(written, tmp_path, "no: x\n1: y\nnull: z\n") == {"no": "x", "1": "y", "null": "z"}


def test_a_key_that_is_not_plain_text_is_a_fault(written, tmp_path):
    with pytest.raises(ContentError, match="a key must be plain text"):
        read(written, tmp_path, "? [a, b]\n: c\n")


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [("a: 1\na: 2\n", "", 2), ("x:\n  - b: 1\n    'b': 1\n", "/x/0", 3), ("x: {c: 1, d: 2, c: 3}\n", "/x", 1)],
)
def test_a_key_that_stands_twice_is_a_fault_with_its_place_and_line(written, tmp_path, text, path, line):
    with pytest.raises(ContentError) as caught:
        read(written, tmp_path, text)
    (fault,) = caught.value.faults
    assert (fault.file, fault.path) == (str(tmp_path / "file.yaml"), path)
    assert f"stands twice (line {line})" in fault.detail


@pytest.mark.parametrize("text", ["", "\n\n", "# only a remark\n", "---\n"])
def test_an_empty_file_is_a_fault_or_says_nothing_and_never_a_crash(written, tmp_path, text):
    if text == "---\n":
        assert read(written, tmp_path, text) in ("", None)
    else:
        with pytest.raises(ContentError, match=r"file\.yaml: /: the file is empty"):
            read(written, tmp_path, text)


@pytest.mark.parametrize("text", ["a: [b\n", "a: b\n c: d\n", "\t- a\n", "a: *nowhere\n", "a: 1\n---\nb: 2\n"])
def test_what_is_not_one_document_of_yaml_is_a_fault_with_the_file(written, tmp_path, text):
    with pytest.raises(ContentError, match=r"file\.yaml"):
        read(written, tmp_path, text)


def test_bytes_that_are_not_utf_8_are_a_fault(tmp_path):
    file = tmp_path / "file.yaml"
    file.write_bytes(b"a: \xff\n")
    with pytest.raises(ContentError, match="utf-8"):
        read_yaml(file)


def test_a_file_that_is_not_there_is_a_fault(tmp_path):
    with pytest.raises(ContentError, match="No such file"):
        read_yaml(tmp_path / "none.yaml")


def test_an_anchor_may_be_used_again(written, tmp_path):
    assert read(written, tmp_path, "a: &x [b, no]\nc: *x\n") == {"a": ["b", "no"], "c": ["b", "no"]}


def test_a_remark_a_folded_text_and_letters_of_all_kinds_are_read(written, tmp_path):
    found = read(written, tmp_path, "a: >-\n  one\n  two # three\nb: Größe ≥ 5 µm # remark\n")
    assert found == {"a": "one two # three", "b": "Größe ≥ 5 µm"}


def test_below_facts_plain_words_are_the_json_that_they_look_like(written, tmp_path):
    text = "facts: {a: true, b: 5, c: 3.5, d: null, e: no, f: '5', g: [false, x], h: ~, i: 1:30, j: -0}\nage: 5\n"
    found = read(written, tmp_path, text, json_below=("facts",))
    assert found["facts"] == {
        "a": True, "b": 5, "c": 3.5, "d": None, "e": "no", "f": "5", "g": [False, "x"], "h": None, "i": "1:30", "j": 0,
    }  # fmt: skip
    assert found["age"] == "5"
    assert read(written, tmp_path, text)["facts"]["b"] == "5"


@settings(deadline=None)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**9), 10**9)
        | st.text(st.characters(codec="ascii", min_codepoint=32), max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        max_leaves=8,
    )
)
def test_facts_written_as_json_are_read_as_json(tmp_path_factory, facts):
    file = tmp_path_factory.getbasetemp() / "facts.yaml"
    file.write_text(json.dumps({"facts": facts}), encoding="utf-8")
    assert read_yaml(file, json_below=("facts",)) == {"facts": facts}
