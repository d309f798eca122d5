"""The body of a webhook: limited in size, JSON that PostgreSQL can keep."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from channel_sync.channels.storable import read_json
from channel_sync.conf import channel_sync_settings
from channel_sync.errors import MalformedWebhook, WebhookTooLarge


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
    """The body as a JSON object that can be stored, see `read_json`. Raises `MalformedWebhook`."""
    try:
        payload = read_json(body)
    except ValueError as error:
        raise MalformedWebhook(f"The body is not JSON: {error}.") from None
    if not isinstance(payload, dict):
        raise MalformedWebhook("The body is not a JSON object.")
    return payload
