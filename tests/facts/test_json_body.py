"""The one reader of JSON: nothing that was sent is dropped on the way, and nothing that is not JSON gets in."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.facts.json_body import (
    CONTAINERS,
    MAX_DEPTH,
    POINTER_KEY,
    BodyError,
    Repeated,
    has_more_items,
    parse,
    pointer,
    repeated,
    salvage,
)
from tests.conftest import ROOT
from tests.memory_use import crowd
from tests.strategies import MANY, Pairs, raw

values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)
    ),
    lambda below: st.one_of(st.lists(below, max_size=4), st.dictionaries(st.text(max_size=6), below, max_size=4)),
    max_leaves=20,
)


def code_of(body):
    with pytest.raises(BodyError) as caught:
        parse(body)
    return caught.value.code


@given(value=values)
@MANY
def test_what_is_json_is_read_as_it_was_sent(value):
    assert parse(json.dumps(value).encode()) == value
    assert parse(json.dumps(value, ensure_ascii=False).encode()) == value


@given(body=st.one_of(st.binary(max_size=80), st.text(max_size=80).map(str.encode)))
@MANY
def test_whatever_is_sent_is_read_or_refused_as_unreadable_and_never_fails_otherwise(body):
    try:
        expected = json.loads(body.decode(), parse_constant=refuse)
    except ValueError:
        assert code_of(body) in {"empty_body", "not_utf8", "not_json"}
    else:
        tree = parse(body)
        assert tree == expected or any(repeated(tree))


def refuse(constant):
    raise ValueError(constant)


@pytest.mark.parametrize("body", [b"", b" ", b"\n\t \r\n"])
def test_an_empty_body_is_said_to_be_empty(body):
    assert code_of(body) == "empty_body"


@pytest.mark.parametrize("body", [b"\xff", b'{"a": "\xe9"}', b'{"a": "\xed\xa0\x80"}', '{"a": 1}'.encode("utf-16")])
def test_text_that_is_not_utf8_is_refused(body):
    assert code_of(body) == "not_utf8"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": 01}',
        b'{"a": .5}',
        b'{"a": 1} {"b": 2}',
        b'{"a": "\n"}',
        b"\xef\xbb\xbf\xef\xbb\xbf{}",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": -1e999}',
        b"[NaN]",
    ],
)
def test_what_is_not_json_is_refused_nan_and_infinity_included(body):
    assert code_of(body) == "not_json"


@pytest.mark.parametrize("number", ["1" * 5000, "-" + "1" * 5000, "[" + "9" * 100_000 + "]"])
def test_a_number_of_too_many_digits_is_refused_and_not_an_error_of_the_service(number):
    assert code_of(number.encode()) == "not_json"


def test_a_long_number_that_can_be_read_is_read():
    assert parse(b'{"a": ' + b"1" * 4000 + b"}") == {"a": int("1" * 4000)}


@pytest.mark.parametrize(("start", "end"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_depth_is_limited_and_counts_levels_not_brackets(start, end):
    each = start.count("[") + start.count("{")
    within = (start * (MAX_DEPTH // each) + "1" + end * (MAX_DEPTH // each)).encode()
    assert parse(within)
    beyond = (start * (MAX_DEPTH // each + 1) + "1" + end * (MAX_DEPTH // each + 1)).encode()
    assert code_of(beyond) == "too_deep"
    # Found by the fuzzer, in half a million: what is empty makes nothing deeper, and may stand beside an emergency.
    empty = beyond.replace(b"1", b"")
    if each == 1:
        assert parse(empty.replace(b'"a":}', b"}")) is not None
    assert parse(b"[" + b",".join([b"[]"] * 1000) + b"]") == [[]] * 1000


@pytest.mark.parametrize("levels", [10_000, 200_000])
def test_a_body_that_would_exhaust_the_stack_is_refused(levels):
    assert code_of(b"[" * levels + b"]" * levels) == "too_deep"
    assert code_of(b'{"a":' * levels + b"1" + b"}" * levels) == "too_deep"


@pytest.mark.parametrize(
    "body",
    [
        rb'{"a": "\ud800"}',
        rb'{"\udfff": 1}',
        rb'["\udc00\ud800"]',
        rb'{"a": {"b": ["x\ud83dx"]}}',
        rb'{"a": 1, "a": "\ud800"}',
    ],
)
def test_half_of_a_surrogate_pair_is_refused_wherever_it_stands(body):
    assert code_of(body) == "lone_surrogate"


def test_a_whole_surrogate_pair_is_one_character():
    assert parse(rb'{"a": "\ud83d\ude00"}') == {"a": "\U0001f600"}


@given(
    pairs=st.lists(
        st.tuples(st.sampled_from(["a", "b", "c"]), st.one_of(st.integers(0, 3), st.text(max_size=2))), max_size=6
    )
)
@MANY
def test_of_a_repeated_key_every_value_is_kept_in_order(pairs):
    tree = parse(raw(Pairs(pairs)).encode())
    for key in {key for key, _ in pairs}:
        sent = [value for name, value in pairs if name == key]
        if len(sent) == 1:
            assert tree[key] == sent[0]
            assert not isinstance(tree[key], Repeated)
        else:
            assert isinstance(tree[key], Repeated)
            assert list(tree[key]) == sent
    assert set(repeated(tree)) == {f"/{key}" for key, _ in pairs if [name for name, _ in pairs].count(key) > 1}


def test_a_repeated_key_is_found_at_any_depth_and_inside_a_repeated_value():
    tree = parse(b'{"a": [{"b": {"c": 1, "c": 1}}], "d": {"e": 1}, "d": {"f": 2, "f": 3}, "~/": 0, "~/": 1}')
    assert set(repeated(tree)) == {"/a/0/b/c", "/d", "/d/f", "/~0~1"}
    assert list(repeated(parse(b'[1, {"a": [1, 1]}, "a"]'))) == []


def test_a_list_is_never_taken_for_a_repeated_key():
    assert not any(repeated(parse(b'{"a": [1, 2]}')))
    assert parse(b'{"a": [1, 2]}') != parse(b'{"a": 1, "a": 2}') or isinstance(
        parse(b'{"a": 1, "a": 2}')["a"], Repeated
    )


@given(parts=st.lists(st.one_of(st.text(max_size=POINTER_KEY), st.integers(0, 9)), max_size=4))
@MANY
def test_a_pointer_leads_to_its_parts(parts):
    text = pointer(*parts)
    read = [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]
    assert read == [str(part) for part in parts]


def test_a_pointer_cuts_a_long_key():
    assert pointer("a" * 1000) == "/" + "a" * POINTER_KEY


def test_a_key_that_stands_twice_makes_a_body_no_deeper():
    within = '{"a":0,"a":' * MAX_DEPTH + "1" + "}" * MAX_DEPTH
    assert parse(within.encode())
    assert code_of(f"[{within}]".encode()) == "too_deep"


@given(value=values)
@MANY
def test_what_can_be_read_is_salvaged_as_it_was_sent(value):
    assert salvage(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    "body", [b'{"a": NaN, "b": 1}', b'{"b": 1, "a": 1e999}', '{"b": 1}'.encode("utf-16"), b'{"b": 1, "\xff": 0}']
)
def test_beside_what_cannot_be_read_the_rest_is_salvaged(body):
    assert salvage(body)["b"] == 1


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"{'a': 1}", b"1" * 5000])
def test_of_what_is_no_json_nothing_is_salvaged(body):
    assert salvage(body) is None


# ---- counted before it is parsed


def count(tree):
    """Members and items, all told."""
    if type(tree) not in CONTAINERS:
        return 0
    return len(tree) + sum(map(count, tree.values() if isinstance(tree, dict) else tree))


texts = st.text(alphabet='a,[]{}":\\\n\u00e9\U0001f600', max_size=12)
crowded_values = st.recursive(
    st.one_of(st.integers(0, 9), texts),
    lambda below: st.one_of(st.lists(below, max_size=5), st.dictionaries(texts, below, max_size=5)),
    max_leaves=30,
)


@given(tree=crowded_values, indent=st.sampled_from([None, 0, 2]), plain=st.booleans())
@MANY
def test_members_and_items_are_counted_without_parsing(tree, indent, plain):
    body = json.dumps(tree, indent=indent, ensure_ascii=plain).encode()
    number = count(tree)
    assert not has_more_items(body, number)
    assert number == 0 or has_more_items(body, number - 1)


def test_a_text_that_does_not_end_hides_no_items_of_other_lines():
    assert has_more_items(b'{"a\n' + crowd(b"{}", 3000), 900)
    assert has_more_items(b'"\\\n' + crowd(b"{}", 3000), 900)


@pytest.mark.parametrize(
    "body",
    [b'"' * 4_000_000 + b"," * 2000, b'"' + b'\\"' * 2_000_000 + b"," * 2000, b"[ " * 2_000_000, b"\\," * 2_000_000],
)
@pytest.mark.usefixtures("finite")
def test_counting_takes_no_longer_for_a_body_made_for_it(body):
    assert has_more_items(body, 1000) in {True, False}


def test_no_body_takes_more_memory_than_is_reckoned_with():
    """In a process of its own, by what the kernel gave it: a library may ask for much that it never touches."""
    command = [sys.executable, "-m", "tests.memory_use"]
    shares = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    assert len(shares) > 20
    assert {name: share for name, share in shares.items() if share > 1} == {}
