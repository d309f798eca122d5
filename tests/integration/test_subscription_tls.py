"""A delivery by https: the machine that was looked up is called, and its certificate has to be for the name."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests.adapters
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import LazySettings

from channel_sync.subscriptions.post import post

NAME = "hooks.example"


class Handler(BaseHTTPRequestHandler):
    """Takes everything."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.hosts.append(self.headers["Host"])  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        """Quiet."""


def certificate(folder: Path) -> Path:
    """A key, and a certificate of its own for the name."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "server.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> Iterator[Any]:
    """On this machine, which every name stands for."""
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "subscription_allow_private": True}
    found = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(found)
    running: Any = HTTPServer(("127.0.0.1", 0), Handler)
    running.hosts = []
    running.socket = context.wrap_socket(running.socket, server_side=True)
    threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
    address = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", running.server_port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: address)
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(found))
    yield running
    running.shutdown()
    running.server_close()


def test_a_certificate_for_the_name_is_taken(server: Any) -> None:
    outcome = post(f"https://{NAME}:{server.server_port}/x", b"{}", {})

    assert (outcome.status, outcome.error) == (204, "")
    assert server.hosts == [f"{NAME}:{server.server_port}"]


def test_one_for_another_name_is_not(server: Any) -> None:
    outcome = post(f"https://other.example:{server.server_port}/x", b"{}", {})

    assert (outcome.status, outcome.error) == (None, "The receiver's certificate is not valid.")
    assert server.hosts == []
