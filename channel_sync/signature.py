"""The signature of a webhook, ours and those that come in."""

from __future__ import annotations

import hashlib
import hmac


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The hexadecimal HMAC-SHA256 of `<timestamp>.<raw body>`; the time is Unix time in seconds."""
    return hmac.new(secret.encode(), b"%d." % timestamp + body, hashlib.sha256).hexdigest()
