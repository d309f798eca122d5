"""One delivery of a webhook over HTTP: a GET with a query, a form, or JSON."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import requests

from channel_sync.channels.beds24.simulator.state import Json
from channel_sync.channels.beds24.simulator.webhook_settings import Form

TIMEOUT_SECONDS = 10
FORM_FIELDS = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Delivery:
    """What is sent where; `kind` is the version of the settings, or `inventory`."""

    kind: str
    url: str
    payload: Json = field(repr=False)
    form: Form = Form.OBJECT
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    signing_secret: str = field(default="", repr=False)


def send(delivery: Delivery) -> bool:
    """Whether the receiver took it."""
    try:
        return HTTPStatus.OK <= _answer_to(delivery).status_code < HTTPStatus.MULTIPLE_CHOICES
    except requests.RequestException:
        return False


def _answer_to(delivery: Delivery) -> requests.Response:
    method, body = _written(delivery)
    kinds = {Form.QUERY: {}, Form.FIELDS: {"Content-Type": FORM_FIELDS}}
    headers = {**kinds.get(delivery.form, {"Content-Type": "application/json"}), **delivery.headers}
    if delivery.signing_secret:
        stamp = str(int(time.time()))
        digest = hmac.new(delivery.signing_secret.encode(), stamp.encode() + b"." + body, hashlib.sha256)
        headers |= {"X-Channel-Sync-Timestamp": stamp, "X-Channel-Sync-Signature": digest.hexdigest()}
    # A redirect is not followed: it would carry the secret elsewhere.
    return requests.request(
        method,
        delivery.url,
        params=delivery.payload if delivery.form is Form.QUERY else None,
        data=body or None,
        headers=headers,
        timeout=TIMEOUT_SECONDS,
        allow_redirects=False,
    )


def _written(delivery: Delivery) -> tuple[str, bytes]:
    """The method and the body."""
    if delivery.form is Form.QUERY:
        return "GET", b""
    if delivery.form is Form.FIELDS:
        return "POST", urlencode({name: _as_text(value) for name, value in delivery.payload.items()}).encode()
    found = [delivery.payload] if delivery.form is Form.ARRAY else delivery.payload
    return "POST", json.dumps(found).encode()


def _as_text(value: Any) -> str:
    """A member of the payload as a field of a form."""
    return value if isinstance(value, str) else json.dumps(value)
