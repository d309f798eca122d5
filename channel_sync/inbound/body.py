"""The body of a webhook: limited in size; JSON that PostgreSQL can keep, by itself or in a form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from django.http import HttpRequest

from channel_sync.channels.storable import read_json
from channel_sync.conf import channel_sync_settings
from channel_sync.errors import MalformedWebhook, WebhookTooLarge

FORM = "application/x-www-form-urlencoded"
# Django's own limit for forms.
MOST_FIELDS = 1000


def read_body(request: HttpRequest) -> bytes:
    """The raw body. Raises `WebhookTooLarge` before reading when the request says it is too long."""
    limit = channel_sync_settings().webhook_max_bytes
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise MalformedWebhook("Content-Length is not a number.") from None
    if length > limit:
        raise WebhookTooLarge(f"The body has {length} bytes; {limit} are allowed.")
    try:
        body = _stream(request).read(limit + 1)
    except OSError:
        raise MalformedWebhook("The body did not come to its end.") from None
    if len(body) > limit:
        raise WebhookTooLarge(f"The body has more than {limit} bytes.")
    return bytes(body)


def parse_objects(body: bytes, content_type: str) -> list[dict[str, Any]]:
    """The JSON objects of a body, storable: one, or those of an array. Raises `MalformedWebhook` where there is none.

    What else an array holds is left out: it must not cost its neighbours.
    """
    try:
        found = read_json(body)
    except ValueError as error:
        found = _of_form(body) if content_type == FORM else None
        if found is None:
            raise MalformedWebhook(f"The body is not JSON: {error}.") from None
    objects = [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, dict)]
    if not objects:
        raise MalformedWebhook("The body is neither a JSON object nor an array of them.")
    return objects


def _stream(request: HttpRequest) -> Any:
    """Django reads nothing without a Content-Length; a server that marks the end of a chunked body can be read on."""
    environ: Mapping[str, Any] = getattr(request, "environ", {})
    if environ.get("wsgi.input_terminated") and not request.META.get("CONTENT_LENGTH"):
        return environ["wsgi.input"]
    return request


def _of_form(body: bytes) -> Any:
    """JSON as the only field of a form, as its value or its name; or an object whose members are the fields."""
    try:
        fields = parse_qsl(
            body.decode("ascii", "replace"), keep_blank_values=True, errors="replace", max_num_fields=MOST_FIELDS
        )
    except ValueError:
        return None
    if len(fields) == 1:
        ((name, value),) = fields
        return _json_or_text(value or name)
    return {name: _json_or_text(value) for name, value in fields} or None


def _json_or_text(text: str) -> Any:
    try:
        return read_json(text.encode("utf-8", "replace"))
    except ValueError:
        return read_json(json.dumps(text).encode())
