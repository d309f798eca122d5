"""Who asks, by the word of the proxies before an ASGI server; `pms_project.wsgi` has Werkzeug's for WSGI."""

from __future__ import annotations

from typing import Any

SCHEMES = frozenset({"http", "https"})


class TrustedProxies:
    """Takes the client's address and scheme from what the nearest `proxies` have noted; nobody else is believed.

    Each proxy appends to `X-Forwarded-For` and `X-Forwarded-Proto`: where there are fewer values than proxies, the
    connection's own address and scheme stand.
    """

    def __init__(self, application: Any, proxies: int) -> None:
        self._application = application
        self._proxies = proxies

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            address = self._noted(scope, b"x-forwarded-for")
            scheme = self._noted(scope, b"x-forwarded-proto")
            # No port is known of a client whose address a proxy has noted.
            client = (address, 0) if address else scope.get("client")
            scope = {**scope, "client": client, "scheme": scheme if scheme in SCHEMES else scope["scheme"]}
        await self._application(scope, receive, send)

    def _noted(self, scope: Any, header: bytes) -> str | None:
        """What the farthest of the proxies has noted."""
        lines = [value.decode("latin-1") for name, value in scope["headers"] if name == header]
        values = [value.strip() for value in ",".join(lines).split(",")]
        return values[-self._proxies] if len(values) >= self._proxies else None
