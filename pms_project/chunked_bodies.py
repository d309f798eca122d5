"""Request bodies in chunks: Django reads nothing of a body whose length is not announced."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class AnnounceLength:
    """Reads a body that comes in chunks, up to a limit, and announces its length to the application.

    Only where the server marks the end of such a body, as gunicorn does. A body beyond the limit is cut a byte after
    it: the application refuses it as too large. One that stops coming is answered 408.
    """

    def __init__(self, application: WSGIApplication, limit: int) -> None:
        self._application = application
        self._limit = limit

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        if environ.get("wsgi.input_terminated") and not environ.get("CONTENT_LENGTH"):
            try:
                body = environ["wsgi.input"].read(self._limit + 1)
            except OSError:
                start_response("408 Request Timeout", [("Content-Length", "0"), ("Connection", "close")])
                return []
            environ["wsgi.input"] = BytesIO(body)
            environ["CONTENT_LENGTH"] = str(len(body))
        return self._application(environ, start_response)
