"""The body of a webhook: limited in size, JSON that PostgreSQL can keep."""

from __future__ import annotations

from typing import Any

import pydantic_core
from django.http import HttpRequest

from channel_sync.conf import channel_sync_settings
from channel_sync.errors import MalformedWebhook, WebhookTooLarge

NOT_STORABLE = "\x00"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def read_body(request: HttpRequest) -> bytes:
    """The raw body. Raises `WebhookTooLarge` before reading when the request says it is too long."""
    limit = channel_sync_settings().webhook_max_bytes
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise MalformedWebhook("Content-Length is not a number.") from None
    if length > limit:
        raise WebhookTooLarge(f"The body has {length} bytes; {limit} are allowed.")
    body = request.read(limit + 1)
    if len(body) > limit:
        raise WebhookTooLarge(f"The body has more than {limit} bytes.")
    return body


def parse_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object. Raises `MalformedWebhook`.

    NUL characters, which `jsonb` cannot hold, are replaced: a guest's odd name must not cost the booking.
    """
    try:
        payload: Any = pydantic_core.from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise MalformedWebhook(f"The body is not JSON: {error}.") from None
    if not isinstance(payload, dict):
        raise MalformedWebhook("The body is not a JSON object.")
    stored: dict[str, Any] = _storable(payload) if b"\\u0000" in body else payload
    return stored


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(NOT_STORABLE, REPLACEMENT)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value
