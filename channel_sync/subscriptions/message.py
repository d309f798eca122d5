"""What is sent to a subscription: a body, and headers that sign it as Standard Webhooks has it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from channel_sync.channels.http_pool import encoded
from channel_sync.feed.cursor import sealed
from channel_sync.feed.page import Noted

SECRET_PREFIX = "whsec_"  # noqa: S105 - what every secret begins with
SECRET_BYTES = 32
TEST = "test"


@dataclass(frozen=True)
class Message:
    """One notification as it is sent; `id` is the same however often that is."""

    id: str
    kind: str
    body: bytes = field(repr=False)
    notification_id: int | None = None


def message_of(noted: Noted) -> Message:
    """A notification."""
    channel_property = str(noted.channel_property_id) if noted.channel_property_id else None
    content: dict[str, Any] = {
        "type": noted.kind,
        "timestamp": noted.created_at.isoformat(),
        "cursor": sealed(noted.position),
        "channel_property_id": channel_property,
        "data": noted.payload,
    }
    return Message(f"ntf_{sealed(noted.position)}", noted.kind, encoded(content), noted.position)


def trial_message() -> Message:
    """What somebody sends to see whether it arrives."""
    content: dict[str, Any] = {"type": TEST, "timestamp": None, "cursor": None, "channel_property_id": None, "data": {}}
    return Message(f"test_{secrets.token_hex(8)}", TEST, encoded(content))


def new_secret() -> str:
    """A secret as Standard Webhooks writes it."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def headers_of(message: Message, signing: Iterable[str]) -> dict[str, str]:
    """The headers of one attempt, now; a signature with each of the secrets, so that one of them may be new."""
    stamp = int(time.time())
    signatures = [signature(secret, message.id, stamp, message.body) for secret in signing]
    return {
        "Content-Type": "application/json",
        "User-Agent": "channel_sync",
        "webhook-id": message.id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": " ".join(signatures),
    }


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the HMAC-SHA256 of `<id>.<timestamp>.<raw body>` in base 64; the time is Unix time in seconds."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(signed).decode()
