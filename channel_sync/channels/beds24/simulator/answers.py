"""The shapes of the simulated answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from werkzeug.wrappers import Request, Response

PAGE_SIZE = 100


class ApiError(Exception):
    """An answer of the API that is no success."""

    def __init__(
        self,
        status: int,
        code: int,
        error: str,
        headers: Mapping[str, str] | None = None,
        *,
        type: str | None = "error",
    ) -> None:
        super().__init__(error)
        self.type = type
        self.status = status
        self.code = code
        self.error = error
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """`{success: false, type: "error", code, error}`; some errors have no type."""
        kind = {} if self.type is None else {"type": self.type}
        body = {"success": False, **kind, "code": self.code, "error": self.error}
        return as_json(body, status=self.status, headers=self.headers)


def as_json(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(json.dumps(body), status=status, headers=dict(headers or {}), mimetype="application/json")


def page_of(items: Sequence[Any], kind: str, request: Request, size: int = PAGE_SIZE) -> dict[str, Any]:
    """The page of a list that a request asks for, with the pages object."""
    page = max(request.args.get("page", default=1, type=int), 1)
    start = (page - 1) * size
    has_next = len(items) > start + size
    shown = items[start : start + size]
    query = urlencode([(name, value) for name, value in request.args.items(multi=True) if name != "page"])
    link = f"{request.base_url}?{query}{'&' if query else ''}page={page + 1}"
    return {
        "success": True,
        "type": kind,
        "count": len(shown),
        "pages": {"nextPageExists": has_next, "nextPageLink": link if has_next else None},
        "data": shown,
    }


def refused(action: str, field: str, message: str) -> dict[str, Any]:
    """The answer to one item of a POST that failed."""
    return {"success": False, "errors": [{"action": action, "field": field, "message": message}]}
