"""Debian's nginx with the block of the README in front of a service, and a certificate made for the test."""

import contextlib
import datetime as dt
import ipaddress
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conftest import ROOT, until

BINARY = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
LOOPBACK = ipaddress.ip_address("127.0.0.1")
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
    certificate = _certificate(folder)
    block = _readme_block()
    for before, after in {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "server_name guideline.example;": "server_name localhost;",
        "/etc/guideline/fullchain.pem": str(certificate),
        "/etc/guideline/key.pem": str(folder / "key.pem"),
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


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(LOOPBACK)]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    file = folder / "certificate.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return file
