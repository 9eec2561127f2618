"""What may be sent, and how everything else is refused. Nothing is coerced, nothing is echoed."""

import contextlib
import gzip
import json
import shlex
import socket
import urllib.parse
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.api.asking import BATCH, JSON, ONE, RESPONDER, faults, is_problem, send
from tests.conftest import GUIDELINE, Server

GENERAL = f"/v1/guidelines/{GUIDELINE}/recommendations"
CANARY = "Rosalind-4711"
LIMIT = 1_048_576

every_route = pytest.mark.parametrize("path", [ONE, GENERAL, BATCH])


def refused(client: FlaskClient, body: Any) -> dict[str, dict[str, Any]]:
    """The faults of a body that is refused, by pointer."""
    return faults(is_problem(send(client, body), 422, "refused-facts"))


# ---- content type


@every_route
@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "text/json",
        "application/jsonp",
        "application/fhir+json",
        "application/problem+json",
        "json",
        "*/*",
        "application/json, text/plain",
        ";charset=utf-8",
    ],
)
def test_any_content_type_but_json_is_refused(client: FlaskClient, path: str, content_type: str | None) -> None:
    response = client.post(path, data=json.dumps(RESPONDER), content_type=content_type)
    is_problem(response, 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "content_type",
    [
        JSON,
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "Application/JSON",
        "application/json ; x=y",
    ],
)
def test_json_is_read_with_or_without_parameters(client: FlaskClient, content_type: str) -> None:
    assert send(client, RESPONDER, content_type=content_type).data == send(client, RESPONDER).data


def test_curl_without_a_header_is_told_the_right_command(server: Server) -> None:
    """What `curl -d '{...}' URL` sends, to the real server."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "curl/8.14.1", "Accept": "*/*"}
    status, got, body = server.get(ONE, headers, json.dumps(RESPONDER).encode())
    assert status == 415
    assert got["content-type"] == "application/problem+json"
    assert "curl" in json.loads(body)["detail"]
    assert "Content-Type: application/json" in json.loads(body)["detail"]


@every_route
def test_the_command_in_the_detail_works(app: Flask, path: str) -> None:
    """Its words are taken as a shell takes them, and sent."""
    client = app.test_client()
    detail = client.post(path, data=json.dumps(RESPONDER), content_type="application/x-www-form-urlencoded").get_json()[
        "detail"
    ]
    command = detail[detail.index("curl ") :]
    assert not set("<>|;&$`") & set(command)
    words = shlex.split(command)
    name, value = words[words.index("-H") + 1].split(": ")
    address = words[-1]
    assert address.startswith(app.config["SETTINGS"].public_url)
    sent = client.post(urllib.parse.urlsplit(address).path, data=words[words.index("-d") + 1], headers={name: value})
    assert address.endswith(path)
    assert sent.status_code == 200, sent.get_data(as_text=True)


def test_the_command_names_the_public_address(elsewhere: Flask) -> None:
    detail = elsewhere.test_client().post(ONE, data="{}").get_json()["detail"]
    assert "https://guideline.example/v1/recommendations" in detail


# ---- text


@every_route
@pytest.mark.parametrize("body", [b"", b" ", b"\n", b" \t\r\n "])
def test_an_empty_body_is_not_the_empty_question(client: FlaskClient, path: str, body: bytes) -> None:
    is_problem(send(client, body, path), 400, "empty-body")


def test_an_empty_object_is_the_empty_question(client: FlaskClient) -> None:
    assert send(client, b"{}").status_code == 200
    assert send(client, b" {\n} ").data == send(client, b"{}").data


UNREADABLE = {
    "Latin-1": '{"x": "é"}'.encode("latin-1"),
    "UTF-16": json.dumps(RESPONDER).encode("utf-16"),
    "UTF-16 without a mark": json.dumps(RESPONDER).encode("utf-16-le"),
    "a lone byte": b"\xff",
    "an overlong form": b'{"x": "\xc0\xaf"}',
    "an encoded surrogate": b'{"x": "\xed\xa0\x80"}',
    "two byte-order marks": b"\xef\xbb\xbf\xef\xbb\xbf{}",
    "NaN": b'{"age_years": NaN}',
    "Infinity": b'{"age_years": Infinity}',
    "minus Infinity": b'{"age_years": -Infinity}',
    "1e999": b'{"age_years": 1e999}',
    "-1e999": b'{"age_years": -1e999}',
    "5000 digits": b'{"age_years": ' + b"9" * 5000 + b"}",
    "minus 5000 digits": b'{"age_years": -' + b"9" * 5000 + b"}",
    "depth 100": b'{"x":' * 100 + b"1" + b"}" * 100,
    "depth 100 of arrays": b"[" * 100 + b"]" * 100,
    "depth 100000": b"[" * 100_000 + b"]" * 100_000,
    "depth 100000 of objects": b'{"x":' * 100_000 + b"1" + b"}" * 100_000,
    "depth 100000, never closed": b"[" * 100_000,
    "a lone surrogate": rb'{"x": "\ud800"}',
    "a lone surrogate as key": rb'{"\udfff": 1}',
    "halves in the wrong order": rb'{"x": "\udc00\ud800"}',
    "cut short": b'{"metastatic_status": "M1"',
    "two documents": b"{} {}",
    "a trailing comma": b'{"ecog": 1,}',
    "single quotes": b"{'ecog': 1}",
    "a comment": b"{} // nothing",
    "a control character": b'{"x": "\x01"}',
    "leading zeros": b'{"ecog": 01}',
    "a plus sign": b'{"ecog": +1}',
    "hexadecimal": b'{"ecog": 0x1}',
    "a bare word": b"M1",
    "form data": b"metastatic_status=M1",
    "nothing but a null byte": b"\x00",
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
@every_route
def test_what_is_not_json_in_utf8_cannot_be_read(client: FlaskClient, path: str, body: bytes) -> None:
    problem = is_problem(send(client, body, path), 400, "unreadable-body")
    assert len(problem["errors"]) == 1
    assert "999" not in problem["detail"]


@pytest.mark.parametrize("depth", [10, 60])
def test_moderate_depth_is_a_matter_of_the_facts(client: FlaskClient, depth: int) -> None:
    assert set(refused(client, b'{"x":' * depth + b"1" + b"}" * depth)) == {"/x"}


def test_a_pair_of_surrogates_and_other_characters_are_text(client: FlaskClient) -> None:
    assert set(refused(client, rb'{"\ud83d\ude00": 1, "\u0000": 2}')) == {"/\U0001f600", "/\x00"}


@pytest.mark.parametrize(
    "body", ["[]", '["a"]', '"M1"', "5", "1.5", "true", "null", "[[]]", '[{"metastatic_status": "M1"}]']
)
def test_one_patient_is_an_object(client: FlaskClient, body: str) -> None:
    found = refused(client, body)
    assert set(found) == {""}
    assert found[""]["code"] == "wrong_type"


# ---- size


def test_a_body_over_the_limit_is_too_large_and_one_of_the_limit_is_not(client: FlaskClient) -> None:
    whole = b"{}" + b" " * (LIMIT - 2)
    assert send(client, whole).status_code == 200
    is_problem(send(client, whole + b" "), 413, "body-too-large")
    is_problem(send(client, b'{"x":"' + b"a" * LIMIT + b'"}'), 413, "body-too-large")


def test_a_batch_may_be_larger(client: FlaskClient) -> None:
    assert send(client, b"[{}]" + b" " * LIMIT, BATCH).status_code == 200
    is_problem(send(client, b"[{}]" + b" " * LIMIT * 16, BATCH), 413, "body-too-large")


def exchange(server: Server, *parts: bytes) -> tuple[int, bytes]:
    """Send raw bytes on a connection of its own; gives status and the rest of the answer."""
    answer = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        with contextlib.suppress(ConnectionError):  # the answer may come before all is sent
            for part in parts:
                connection.sendall(part)
        with contextlib.suppress(ConnectionResetError):
            while data := connection.recv(65536):
                answer += data
    assert answer, "the connection was cut without an answer"
    return int(answer.split()[1]), answer


def chunked(server: Server, *chunks: bytes, end: bytes = b"0\r\n\r\n") -> tuple[int, bytes]:
    head = (
        f"POST {ONE} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    return exchange(server, head.encode(), b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks), end)


def test_a_chunked_body_is_read_to_its_end(server: Server) -> None:
    body = json.dumps(RESPONDER).encode()
    status, answer = chunked(server, body[:10], body[10:11], body[11:])
    assert status == 200
    assert b"NO_ROUTINE_LRT_RESPONDER" in answer


@pytest.mark.parametrize("over", [16, 17, 40])
def test_a_chunked_body_over_the_limit_is_too_large(server: Server, over: int) -> None:
    status, answer = chunked(server, b"{}", *[b" " * 65536] * over)
    assert status == 413
    assert b"application/problem+json" in answer
    assert b"/problems/body-too-large" in answer


def test_a_caller_who_sends_far_too_much_still_reads_why(server: Server) -> None:
    head = f"POST {ONE} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\nConnection: close\r\n"
    head += f"Content-Length: {8 * LIMIT}\r\n\r\n"
    status, answer = exchange(server, head.encode(), b" " * 8 * LIMIT)
    assert status == 413
    assert b"/problems/body-too-large" in answer


def test_an_empty_chunked_body_is_empty(server: Server) -> None:
    status, answer = chunked(server)
    assert status == 400
    assert b"/problems/empty-body" in answer


def test_a_chunked_body_that_is_malformed_is_not_called_empty(server: Server) -> None:
    status, answer = chunked(server, b"{}", end=b"zz\r\n\r\n")
    assert status == 400
    assert b"application/problem+json" in answer
    assert b"empty" not in answer


# ---- repeated keys


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ('{"ecog": 1, "ecog": 1}', {"/ecog"}),
        ('{"ecog": 1, "ecog": 2, "ecog": 3}', {"/ecog"}),
        ('{"complications": {"pain": {"grade": 1, "grade": 2}}}', {"/complications/pain/grade"}),
        ('{"complications": {"pain": "absent", "odour": "absent", "pain": "present"}}', {"/complications/pain"}),
        ('{"complications": "none", "complications": {"pain": "present"}}', {"/complications"}),
        ('{"ecog": 1, "sex": "male", "sex": "female", "ecog": 1}', {"/ecog", "/sex"}),
        ('{"hat": {"a": [0, {"b": 1, "b": 1}]}}', {"/hat", "/hat/a/1/b"}),
        (r'{"ecog": 1, "\u0065cog": 1}', {"/ecog"}),
        ('{"complications": {"pain": {"grade": 1}, "pain": {"grade": 2, "grade": 3}}}', {"/complications/pain"}),
    ],
)
def test_a_key_that_stands_twice_breaks_v12_wherever_it_is(client: FlaskClient, body: str, pointers: set[str]) -> None:
    found = refused(client, body)
    assert pointers <= set(found)
    broken = {pointer for pointer, fault in found.items() if fault.get("rule") == "V12"}
    assert broken >= pointers - {"/hat"}


@pytest.mark.parametrize("path", [ONE, GENERAL])
def test_a_repeated_key_is_refused_at_every_door(client: FlaskClient, path: str) -> None:
    is_problem(send(client, '{"ecog": 1, "ecog": 1}', path), 422, "refused-facts")


# ---- values


NUMBERS = {
    "age_years": (0, 120),
    "ecog": (0, 4),
    "lesion_count": (0, 999),
    "platelets_10e9_per_l": (0, 2000),
    "haemoglobin_g_per_dl": (2, 25),
}
WHOLE = ("age_years", "ecog", "lesion_count")
FLAGS = (
    "pregnant",
    "inflammatory",
    "prior_chest_radiotherapy",
    "closure_possible",
    "visceral_crisis",
    "anticoagulated",
    "anti_angiogenic_therapy",
    "life_expectancy_under_1_year",
    "brain_metastases",
    "fever_within_6_weeks_of_chemotherapy",
    "all_sites_ablatable",
)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["5", "", True, False, [5], {"value": 5}, "5.0", "five"])
def test_only_a_number_is_a_number(client: FlaskClient, name: str, value: Any) -> None:
    assert refused(client, {name: value})[f"/{name}"]["code"] == "wrong_type"


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("value", ["3.7", "5.5", "1e-1", "-0.5"])
def test_a_count_is_a_whole_number(client: FlaskClient, name: str, value: str) -> None:
    assert f"/{name}" in refused(client, f'{{"{name}": {value}}}')


@pytest.mark.parametrize(("name", "bounds"), NUMBERS.items())
def test_a_number_outside_its_bounds_is_refused_and_one_on_them_is_not(
    client: FlaskClient, name: str, bounds: tuple[int, int]
) -> None:
    for value in bounds:
        assert send(client, {name: value}).status_code == 200
    for value in (bounds[0] - 1, bounds[1] + 1, 10**30, -(10**30)):
        assert refused(client, {name: value})[f"/{name}"]["code"] == "out_of_range"


@pytest.mark.parametrize("name", ["platelets_10e9_per_l", "haemoglobin_g_per_dl"])
def test_a_laboratory_value_out_of_bounds_is_asked_for_its_unit(client: FlaskClient, name: str) -> None:
    assert "unit" in refused(client, {name: 150_000})[f"/{name}"]["detail"].lower()


@pytest.mark.parametrize("name", [name for name in FLAGS if not name.startswith("fever")])
@pytest.mark.parametrize("value", [1, 0, "no", "yes", "true", "false", "True", 1.0, [], {}, "present"])
def test_only_true_and_false_are_booleans(client: FlaskClient, name: str, value: Any) -> None:
    assert refused(client, {name: value})[f"/{name}"]["code"] == "wrong_type"


@pytest.mark.parametrize("value", [0, "no", "false", 0.0, [], {}, "present"])
def test_fever_that_is_not_stated_as_a_boolean_is_refused(client: FlaskClient, value: Any) -> None:
    """What can be read as true is an emergency, and answered: see the tests of the emergency."""
    assert set(refused(client, {"fever_within_6_weeks_of_chemotherapy": value})) == {
        "/fever_within_6_weeks_of_chemotherapy"
    }


@pytest.mark.parametrize("name", FLAGS)
def test_true_false_unknown_and_null_are_accepted(client: FlaskClient, name: str) -> None:
    for value in (True, False, "unknown", None):
        assert send(client, {name: value}).status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer", "meant"),
    [
        ({"metastatic_status": "m1"}, "/metastatic_status", "M1"),
        ({"chemotherapy_response": "pr"}, "/chemotherapy_response", "PR"),
        ({"presentation": "De_Novo"}, "/presentation", "de_novo"),
        ({"complications": ["Pain"]}, "/complications/0", "pain"),
        ({"complications": {"Pain": "present"}}, "/complications/Pain", "pain"),
        ({"ECOG": 1}, "/ECOG", "ecog"),
        ({"complications": "NONE"}, "/complications", "none"),
        ({"primary_tumor": "in_situ"}, "/primary_tumor", "primary_tumour"),
        ({"hemoglobin_g_per_dl": 9}, "/hemoglobin_g_per_dl", "haemoglobin_g_per_dl"),
        ({"complications": {"odor": "present"}}, "/complications/odor", "odour"),
        ({"complications": ["lymphedema"]}, "/complications/0", "lymphoedema"),
        (
            {"complications": {"bleeding": {"presence": "absent", "hemodynamically_unstable": False}}},
            "/complications/bleeding/hemodynamically_unstable",
            "haemodynamically_unstable",
        ),
        (
            {"complications": {"infection": {"presence": "absent", "necrotizing": False}}},
            "/complications/infection/necrotizing",
            "necrotising",
        ),
        ({"presentaton": "de_novo"}, "/presentaton", "presentation"),
        ({"chemotherapy_reponse": "PR"}, "/chemotherapy_reponse", "chemotherapy_response"),
        ({"chemotherapy_response": {"overal": "PR"}}, "/chemotherapy_response/overal", "overall"),
        ({"metastatic_extent": "oligo_metastatic"}, "/metastatic_extent", "oligometastatic"),
    ],
)
def test_a_word_written_otherwise_is_refused_and_the_right_one_named(
    client: FlaskClient, body: dict, pointer: str, meant: str
) -> None:
    found = refused(client, body)
    assert set(found) == {pointer}
    assert meant in found[pointer]["detail"]


def test_a_probable_slip_is_asked_about(client: FlaskClient) -> None:
    assert "Did you mean presentation?" in refused(client, {"presentaton": "de_novo"})["/presentaton"]["detail"]


def test_not_responded_is_answered_with_the_question(client: FlaskClient) -> None:
    detail = refused(client, {"chemotherapy_response": "not_responded"})["/chemotherapy_response"]["detail"]
    assert "stable or progressive?" in detail.lower()


@pytest.mark.parametrize(
    "day",
    [
        "2026-13-01",
        "2026-02-30",
        "20261101",
        "2026-W45-1",
        "01.11.2026",
        "2026-11-01T00:00:00Z",
        "today",
        20261101,
        True,
        ["2026-11-01"],
    ],
)
def test_a_date_is_a_calendar_day(client: FlaskClient, day: Any) -> None:
    assert set(refused(client, {"as_of": day})) == {"/as_of"}
    body = {"chemotherapy_response": {"overall": "PR", "assessed_on": day}}
    assert set(refused(client, body)) == {"/chemotherapy_response/assessed_on"}


def test_an_assessment_is_not_after_as_of_and_as_of_not_after_today(client: FlaskClient) -> None:
    """The clock of the tests stands at noon of 2026-11-23; a day ahead is forgiven to those who live east of UTC."""

    def dated(as_of: str, assessed_on: str) -> dict[str, Any]:
        return {"as_of": as_of, "chemotherapy_response": {"overall": "PR", "assessed_on": assessed_on}}

    assert send(client, dated("2026-11-23", "2026-11-24")).status_code == 200
    assert refused(client, dated("2026-11-23", "2026-11-25"))["/chemotherapy_response/assessed_on"]["rule"] == "V11"
    assert refused(client, {"as_of": "2027-11-23"})["/as_of"]["rule"] == "V11"


@pytest.mark.parametrize(
    "body",
    [
        {CANARY: 1},
        {"metastatic_status": CANARY},
        {"metastatic_status": {"v": CANARY}},
        {"presentation": [CANARY]},
        {"age_years": CANARY},
        {"pregnant": CANARY},
        {"as_of": CANARY},
        {"metastatic_sites": CANARY},
        {"metastatic_sites": ["bone", CANARY]},
        {"complications": CANARY},
        {"complications": ["pain", CANARY]},
        {"complications": {"pain": CANARY}},
        {"complications": {"pain": {"grade": CANARY}}},
        {"complications": {"pain": {"controlled": CANARY}}},
        {"chemotherapy_response": {"overall": CANARY, "assessed_on": CANARY, "method": CANARY}},
    ],
)
def test_a_refused_value_is_never_echoed(client: FlaskClient, body: dict) -> None:
    response = send(client, body)
    problem = is_problem(response, 422)
    for error in problem["errors"]:
        if CANARY not in body:
            assert CANARY not in error["pointer"]
        assert CANARY not in error["detail"]
    assert CANARY in body or CANARY not in response.get_data(as_text=True)
    assert "hidden" not in send(client, b'{"name": "hidden", "x": ').get_data(as_text=True)


# ---- pointers


def test_long_keys_are_cut_in_pointers(client: FlaskClient) -> None:
    assert set(refused(client, {"k" * 64: 1, "m" * 65: 1, "n" * 5000: 1})) == {
        "/" + "k" * 64,
        "/" + "m" * 64,
        "/" + "n" * 64,
    }
    response = send(client, {"n" * 5000: 1})
    assert "n" * 65 not in response.get_data(as_text=True)


def test_tilde_and_slash_are_escaped_in_pointers(client: FlaskClient) -> None:
    body = {"a/b": 1, "c~d": 2, "~1": 3, "": 4, " ": 5, "complications": {"x/~": "present"}}
    assert set(refused(client, body)) == {"/a~1b", "/c~0d", "/~01", "/", "/ ", "/complications/x~1~0"}


@pytest.mark.parametrize("name", ["_schema", "__class__", "schema", "0", "-", "errors"])
def test_odd_names_have_their_own_pointer(client: FlaskClient, name: str) -> None:
    assert set(refused(client, {name: 1})) == {f"/{name}"}
    assert set(refused(client, {"complications": {name: "present"}})) == {f"/complications/{name}"}


def test_every_fault_is_told_at_once(client: FlaskClient) -> None:
    body = """{
        "metastatic_status": "M0", "presentation": "de_novo", "brain_metastases": true,
        "age_years": "70", "ecog": 9, "pregnant": "no", "hat": 1, "sex": "male", "sex": "female",
        "metastatic_sites": ["bone", "hair", 3],
        "complications": {"pain": {"presence": "absent", "grade": 2, "glow": 1}, "smell": "present"},
        "chemotherapy_response": {"overall": "great", "method": "crystal_ball"}
    }"""
    problem = is_problem(send(client, body), 422)
    found = {(error["pointer"], error.get("rule")) for error in problem["errors"]}
    assert found >= {
        ("/presentation", "V01"),
        ("/brain_metastases", "V01"),
        ("/age_years", None),
        ("/ecog", None),
        ("/pregnant", None),
        ("/hat", None),
        ("/sex", "V12"),
        ("/metastatic_sites/1", None),
        ("/metastatic_sites/2", None),
        ("/complications/pain/glow", None),
        ("/complications/pain/grade", "V09"),
        ("/complications/smell", None),
        ("/chemotherapy_response/overall", None),
        ("/chemotherapy_response/method", None),
    }


def test_a_contradiction_is_named_at_each_member_it_is_about(client: FlaskClient) -> None:
    body = {
        "metastatic_status": "M1",
        "metastatic_extent": "oligometastatic",
        "lesion_count": 9,
        "all_sites_ablatable": False,
    }
    found = refused(client, body)
    assert {pointer for pointer, fault in found.items() if fault.get("rule") == "V07"} == {
        "/metastatic_extent",
        "/lesion_count",
        "/all_sites_ablatable",
    }


# ---- far too many members


@pytest.mark.parametrize(
    "body",
    [
        {f"x{index}": 0 for index in range(2000)},
        {"metastatic_sites": ["bone"] * 2000},
        {"complications": {f"x{index}": {"grade": 1} for index in range(600)}},
    ],
    ids=["members", "items", "inside"],
)
def test_a_body_with_far_too_many_members_is_refused_as_a_whole(client: FlaskClient, body: dict) -> None:
    response = client.post(ONE, json=body)
    assert response.status_code == 422
    (fault,) = response.get_json()["errors"]
    assert (fault["pointer"], fault["code"]) == ("", "too_many_members")


# ---- how the bytes come

MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize("path", [ONE, GENERAL])
def test_a_byte_order_mark_is_skipped(client: FlaskClient, path: str) -> None:
    body = json.dumps(RESPONDER).encode()
    marked, plain = (client.post(path, data=sent, content_type=JSON) for sent in (MARK + body, body))
    assert marked.status_code == plain.status_code == 200
    assert marked.data == plain.data


@pytest.mark.parametrize("media", [JSON, "application/x-ndjson"])
def test_a_batch_may_begin_with_a_byte_order_mark(client: FlaskClient, media: str) -> None:
    patient = json.dumps(RESPONDER).encode()
    body = b"[" + patient + b"]" if media == JSON else patient + b"\n" + patient + b"\n"
    answers = client.post(BATCH, data=MARK + body, content_type=media)
    assert answers.status_code == 200
    assert answers.data == client.post(BATCH, data=body, content_type=media).data


def test_a_byte_order_mark_alone_is_an_empty_body(client: FlaskClient) -> None:
    is_problem(client.post(ONE, data=MARK, content_type=JSON), 400, "empty-body")


@pytest.mark.parametrize("path", [ONE, GENERAL, BATCH, "/v1/facts/extract", "/v1/records/recommendations"])
@pytest.mark.parametrize("encoding", ["gzip", "br", "GZIP", "identity, gzip"])
def test_a_compressed_body_is_refused_and_told_how_it_may_come(client: FlaskClient, path: str, encoding: str) -> None:
    body = gzip.compress(json.dumps(RESPONDER).encode())
    response = client.post(path, data=body, content_type=JSON, headers={"Content-Encoding": encoding})
    is_problem(response, 415, "unsupported-media-type")
    assert response.headers["Accept-Encoding"] == "identity"


def test_identity_is_no_compression(client: FlaskClient) -> None:
    body = json.dumps(RESPONDER)
    assert client.post(ONE, data=body, content_type=JSON, headers={"Content-Encoding": "identity"}).status_code == 200


@pytest.mark.parametrize(
    ("member", "floating", "whole"),
    [
        ("age_years", 58.0, 58),
        ("lesion_count", 3.0, 3),
        (
            "complications",
            {"bleeding": {"presence": "present", "grade": 4.0}},
            {"bleeding": {"presence": "present", "grade": 4}},
        ),
    ],
)
def test_a_number_that_is_whole_is_whole_however_it_is_written(
    client: FlaskClient, member: str, floating: Any, whole: Any
) -> None:
    answers = [send(client, RESPONDER | {member: value}) for value in (floating, whole)]
    assert answers[0].status_code == 200
    assert answers[0].data == answers[1].data


def test_a_number_that_is_not_whole_is_refused(client: FlaskClient) -> None:
    assert refused(client, {"age_years": 58.5})["/age_years"]["code"] == "wrong_type"
