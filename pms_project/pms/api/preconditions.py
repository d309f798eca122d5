"""On which version of a reservation a request is based: `If-Match`, or `version` in the body."""

from __future__ import annotations

from typing import Any

from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request


class VersionRequired(APIException):
    """A change without the version it is based on could undo somebody else's."""

    status_code = status.HTTP_428_PRECONDITION_REQUIRED
    default_detail = 'Send the version that the change is based on: If-Match: "3", as the ETag says, or "version": 3.'
    default_code = "version_required"


def etag(version: int) -> str:
    """The version of a reservation as an entity tag."""
    return f'"{version}"'


def based_on(request: Request) -> int | None:
    """The version that the request names; None when it names none, or says that any will do (`If-Match: *`)."""
    told = request.headers.get("If-Match", "").strip() or _body(request).get("version", "*")
    if told == "*":
        return None
    try:
        return int(str(told).removeprefix("W/").strip('"'))
    except ValueError:
        raise ValidationError({"version": 'A number is needed, such as If-Match: "3".'}) from None


def required_version(request: Request) -> int | None:
    """Like `based_on`. Raises `VersionRequired` for a request that says nothing."""
    if "If-Match" not in request.headers and "version" not in _body(request):
        raise VersionRequired
    return based_on(request)


def _body(request: Request) -> dict[str, Any]:
    return request.data if isinstance(request.data, dict) else {}
