"""A hospital's FHIR server for the tests: real TLS on loopback, an authority of its own, and told how to behave."""

import contextlib
import datetime as dt
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Behaviour = Callable[[BaseHTTPRequestHandler], None]


class Hospital:
    """The server. `behave` maps the beginning of a path to what happens there; else an empty searchset is answered."""

    def __init__(self, port: int) -> None:
        self.url = f"https://127.0.0.1:{port}/r4"
        self.asked: list[str] = []
        self.tokens: list[str | None] = []
        self.behave: dict[str, Behaviour] = {}
        self.released = threading.Event()
        """Set at the end of a test, so that what hangs does not hang for ever."""

    def reset(self) -> None:
        """Let go of what hangs, and forget."""
        self.released.set()
        self.released = threading.Event()
        self.asked, self.tokens, self.behave = [], [], {}

    def answer(self, path: str, value: Any, status: int = 200, **headers: str) -> None:
        """Answer this path with some JSON."""
        self.behave[path] = lambda handler: reply(handler, value, status, **headers)


def reply(handler: BaseHTTPRequestHandler, value: Any, status: int = 200, **headers: str) -> None:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    handler.send_response(status)
    for name, text in ({"Content-Type": "application/fhir+json", "Content-Length": str(len(body))} | headers).items():
        handler.send_header(name.replace("_", "-"), text)
    handler.end_headers()
    with contextlib.suppress(OSError):
        handler.wfile.write(body)


@contextlib.contextmanager
def hospital(folder: Path) -> Iterator[tuple[Hospital, Path]]:
    """Run it; gives it and the file of its authority."""
    authority, chain = certificates(folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.removeprefix("/r4/")
            found.asked.append(path)
            found.tokens.append(self.headers["Authorization"])
            for beginning, behaviour in found.behave.items():
                if path.startswith(beginning):
                    behaviour(self)
                    return
            reply(self, {"resourceType": "Bundle", "type": "searchset", "total": 0})

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that gives up is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    found = Hospital(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found, authority
    finally:
        found.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def certificates(folder: Path) -> tuple[Path, Path]:
    """An authority, and a certificate of it for 127.0.0.1 with its key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The hospital's own authority")])
    now = dt.datetime.now(dt.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    files = []
    for index, key in enumerate(keys):
        subject = name if index == 0 else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fhir")])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=index == 0, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), critical=False)
        )
        if index == 0:
            usage = dict.fromkeys(
                ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
            )
            usage |= {"digital_signature": True, "key_cert_sign": True, "crl_sign": True, "decipher_only": False}
            builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
        else:
            address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        certificate = builder.sign(keys[0], hashes.SHA256())
        file = folder / f"certificate-{index}.pem"
        file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files.append(file)
    with files[1].open("ab") as file:
        file.write(
            keys[1].private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    return files[0], files[1]
