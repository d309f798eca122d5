"""JSON bodies of the API: limited in size and depth, before anything looks at what they say."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from io import BytesIO
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser, JSONParser

# Nothing that the API takes nests deeper than a webhook that is tried; Python gives up at a depth that varies.
MAX_DEPTH = 100
TOO_DEEP = f"JSON parse error - nested more than {MAX_DEPTH} deep"


class RequestTooLarge(APIException):
    """The body is larger than `DATA_UPLOAD_MAX_MEMORY_SIZE`."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_code = "request_too_large"


class LimitedJSONParser(BaseParser):
    """DRF's parser of JSON, up to `DATA_UPLOAD_MAX_MEMORY_SIZE` bytes and `MAX_DEPTH` levels.

    Raises `RequestTooLarge` without reading more than is allowed, and `ParseError` for the rest. It is no subclass of
    DRF's: for those, DRF reads the body beforehand, and one that is too large becomes a server error.
    """

    media_type = JSONParser.media_type

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """What the body says."""
        try:
            found = JSONParser().parse(BytesIO(_limited(stream)), media_type, parser_context)
        except RecursionError:
            raise ParseError(TOO_DEEP) from None
        if _is_deeper(found, MAX_DEPTH):
            raise ParseError(TOO_DEEP)
        return found


def _limited(stream: IO[Any]) -> bytes:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    try:
        body: bytes = stream.read() if limit is None else stream.read(limit + 1)
    except OSError:
        raise ParseError("The body did not come to its end.") from None
    if limit is not None and len(body) > limit:
        raise RequestTooLarge(f"The body has more than {limit} bytes.")
    return body


def _is_deeper(value: Any, depth: int) -> bool:
    """Whether lists and objects nest more than `depth` levels; goes level by level, without recursion."""
    level = [value]
    for _ in range(depth + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, list | dict)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True
