"""By ASGI no proxy's word was taken: every stream behind one was sent to TLS, where it had come from."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pms_project.trusted_proxies import TrustedProxies

CONNECTED = ("10.0.0.2", 4711)


def seen(proxies: int, *headers: tuple[bytes, bytes]) -> tuple[Any, str]:
    """The client and the scheme that the application is given."""
    found: list[dict[str, Any]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        found.append(scope)

    scope = {"type": "http", "client": CONNECTED, "scheme": "http", "headers": list(headers)}
    asyncio.run(TrustedProxies(application, proxies)(scope, None, None))
    return found[0]["client"], found[0]["scheme"]


@pytest.mark.parametrize(
    ("proxies", "noted", "client"),
    [
        (1, b"192.0.2.7", ("192.0.2.7", 0)),
        (1, b"198.51.100.1, 192.0.2.7", ("192.0.2.7", 0)),  # The first is what the client claims of itself.
        (2, b"192.0.2.7, 10.0.0.9", ("192.0.2.7", 0)),
        (2, b"192.0.2.7", CONNECTED),
        (1, b"", CONNECTED),
    ],
)
def test_the_address_is_what_the_farthest_trusted_proxy_noted(proxies: int, noted: bytes, client: Any) -> None:
    assert seen(proxies, (b"x-forwarded-for", noted))[0] == client


def test_lines_of_the_same_header_are_one_list() -> None:
    forged = (b"x-forwarded-for", b"198.51.100.1")

    assert seen(1, forged, (b"x-forwarded-for", b"192.0.2.7"))[0] == ("192.0.2.7", 0)


@pytest.mark.parametrize(("noted", "scheme"), [(b"https", "https"), (b"http", "http"), (b"gopher", "http")])
def test_the_scheme_is_the_proxys(noted: bytes, scheme: str) -> None:
    assert seen(1, (b"x-forwarded-proto", noted))[1] == scheme


def test_without_a_note_the_connection_stands() -> None:
    assert seen(1) == (CONNECTED, "http")
