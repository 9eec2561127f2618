"""README, "Put TLS in front": its nginx block, with Debian's nginx and a certificate of the test's own, on loopback."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance import lines, rules
from tests.conformance.checklist import FAIL, NOT_ASKED, gone_through
from tests.conformance.nginx import BINARY, in_front
from tests.conformance.servers import guarded_service
from tests.conformance.wire import Wire
from tests.conftest import some_free_port

CANARY = "Rosalind4711"
pytestmark = pytest.mark.skipif(BINARY is None, reason="nginx is not installed")


def test_the_whole_checklist_passes_through_nginx(tmp_path: Path, redis: str) -> None:
    port = some_free_port()
    public = f"https://localhost:{port}"
    with (
        guarded_service(tmp_path / "service", redis, public) as (target, server),
        in_front(tmp_path / "nginx", port, server.port) as certificate,
    ):
        target.wire, target.calls = Wire(public, certificate), 20
        verdicts = list(gone_through(target))
    assert len(verdicts) == len(lines.LINES)
    assert [(one.line.name, one.evidence) for one in verdicts if one.verdict in {FAIL, NOT_ASKED}] == []


def test_nginx_tells_an_ehr_what_is_wrong_and_writes_no_path_down(
    tmp_path: Path, serving: Callable[..., object]
) -> None:
    port = some_free_port()
    with contextlib.ExitStack() as stack:
        with serving(AUTH="none", PUBLIC_URL=f"https://localhost:{port}") as server:
            certificate = stack.enter_context(in_front(tmp_path / "nginx", port, server.port))
            wire = Wire(f"https://localhost:{port}", certificate)
            ready = wire.call("GET", "/readyz")
            missing = wire.call("GET", f"/decisions/{CANARY}")
            large = wire.call("POST", "/cds-services/x", b"x" * 18_000_000, {"Content-Type": "application/json"})
        away = wire.call("GET", f"/cds-services?{CANARY}")
    assert ready.status == 200
    assert missing.status == 404
    for reply, status in ((large, 413), (away, 503)):
        assert (reply.status, reply.mimetype) == (status, "application/fhir+json")
        assert list(rules.outcome(reply.json)) == []
        assert reply.headers["cache-control"] == "no-store"
    assert away.headers["retry-after"] == "5"
    written = "".join(file.read_text() for file in (tmp_path / "nginx").rglob("*.log"))
    assert CANARY not in written
