"""Debian's nginx with the block of the README in front of a service, and a certificate made for the test."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.certificates import self_signed
from tests.conftest import ROOT, until

BINARY = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
UPSTREAM = "proxy_pass http://127.0.0.1:8000;"
MAIN = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {block}
}}
"""


@contextlib.contextmanager
def in_front(folder: Path, port: int, upstream: int) -> Iterator[Path]:
    """Serve https://localhost:port by the README's block until the block ends; gives the certificate to trust."""
    assert BINARY, "nginx is not installed"
    folder.mkdir()
    certificate, key = self_signed(folder, "localhost")
    block = _readme_block()
    for before, after in {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "server_name guideline.example;": "server_name localhost;",
        "/etc/guideline/fullchain.pem": str(certificate),
        "/etc/guideline/key.pem": str(key),
        "/var/log/nginx/error.log": str(folder / "error.log"),
    }.items():
        assert block.count(before) == 1, before
        block = block.replace(before, after)
    assert block.count(UPSTREAM) == 2
    block = block.replace(UPSTREAM, f"proxy_pass http://127.0.0.1:{upstream};")
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, block=block))
    with (folder / "said.log").open("wb") as said:
        process = subprocess.Popen([BINARY, "-p", folder, "-c", folder / "nginx.conf"], stdout=said, stderr=said)
    try:
        until(lambda: process.poll() is not None or _listens(port), "nginx listens")
        assert process.poll() is None, (folder / "said.log").read_text()
        yield certificate
    finally:
        process.terminate()
        process.wait(timeout=10)


def _readme_block() -> str:
    (block,) = re.findall(r"^```nginx\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    return str(block)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
