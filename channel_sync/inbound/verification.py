"""Prove that a webhook comes from where it says (docs/beds24.md: two modes, two secrets for rotation)."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from channel_sync.conf import channel_sync_settings
from channel_sync.database_clock import database_now
from channel_sync.errors import BadSignature
from channel_sync.models import ChannelConnection, WebhookVerification
from channel_sync.models.encryption_keys import opening_keys, sealing_key
from channel_sync.signature import sign


def verify(connection: ChannelConnection, headers: Mapping[str, str], body: bytes, *, now: float | None = None) -> None:
    """Check the request in the property's mode; `now` is Unix time, or the database's. Raises `BadSignature`."""
    if connection.webhook_verification == WebhookVerification.HMAC:
        _verify_signature(connection, headers, body, now)
    else:
        _verify_secret(connection, headers)


def verify_nobody(headers: Mapping[str, str], body: bytes) -> None:
    """Take as long as for a property that there is: who measures it does not learn that there is none."""
    decoy = ChannelConnection(webhook_secret=_decoy(), webhook_verification=WebhookVerification.HEADER)
    with suppress(BadSignature):
        verify(decoy, headers, body)


def _decoy() -> str:
    """A secret that is decrypted as a stored one is."""
    with suppress(ImproperlyConfigured):
        return opening_keys().decrypt(_sealed_decoy(sealing_key())).decode()
    return secrets.token_urlsafe()


@lru_cache(maxsize=4)
def _sealed_decoy(key: Fernet) -> bytes:
    return key.encrypt(secrets.token_urlsafe(32).encode())


def _verify_secret(connection: ChannelConnection, headers: Mapping[str, str]) -> None:
    name = channel_sync_settings().webhook_secret_header
    sent = headers.get(name, "")
    if not _matches_any(sent, _secrets(connection)):
        raise BadSignature(f"Header '{name}' does not carry the property's webhook secret.")


def _verify_signature(
    connection: ChannelConnection, headers: Mapping[str, str], body: bytes, now: float | None
) -> None:
    settings = channel_sync_settings()
    stamp = headers.get(settings.webhook_timestamp_header, "")
    if not stamp.isascii() or not stamp.isdecimal() or len(stamp) > 12:
        raise BadSignature(f"Header '{settings.webhook_timestamp_header}' is no Unix time.")
    sent = headers.get(settings.webhook_signature_header, "").removeprefix("sha256=").lower()
    if not _matches_any(sent, (sign(secret, int(stamp), body) for secret in _secrets(connection))):
        raise BadSignature(f"Header '{settings.webhook_signature_header}' is not the signature of this body.")
    # Last: who cannot sign is answered without a statement, as if there were no such property.
    if (
        abs((database_now().timestamp() if now is None else now) - int(stamp))
        > settings.webhook_tolerance.total_seconds()
    ):
        raise BadSignature(f"The time stamp is more than {settings.webhook_tolerance} from the database's clock.")


def _secrets(connection: ChannelConnection) -> list[str]:
    return [secret for secret in (connection.webhook_secret, connection.webhook_secret_previous) if secret]


def _matches_any(sent: str, wanted: Iterator[str] | list[str]) -> bool:
    """Compare with every candidate, each in constant time."""
    matches = [hmac.compare_digest(sent.encode(), candidate.encode()) for candidate in wanted]
    return bool(sent) and any(matches)
