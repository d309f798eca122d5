"""Whether the stored tokens and webhook secrets can be decrypted with the keys of the settings."""

from __future__ import annotations

from django.db.models import QuerySet

from channel_sync.errors import ConfigurationError, SecretUnreadable
from channel_sync.models import ChannelConnection

SECRETS = ("webhook_secret", "webhook_secret_previous", "account__refresh_token", "account__access_token")


def unreadable_secret(connections: QuerySet[ChannelConnection]) -> SecretUnreadable | None:
    """What is wrong with one of them, in one statement; None when all can be read."""
    try:
        list(connections.values_list(*SECRETS))
    except SecretUnreadable as error:
        return error
    return None


def require_usable_keys() -> None:
    """Something is encrypted and decrypted, before a secret comes that can be had only once.

    Raises `ConfigurationError`.
    """
    column = ChannelConnection._meta.get_field("webhook_secret")
    try:
        usable = column.f.decrypt(column.f.encrypt(b"probe")) == b"probe"
    except Exception as error:  # noqa: BLE001 - whatever a key that is missing or broken raises
        raise ConfigurationError(
            f"Nothing can be encrypted with SECRET_KEY and SALT_KEY ({type(error).__name__}). Correct them first; the "
            "invite code is not spent."
        ) from None
    if not usable:
        raise ConfigurationError("SECRET_KEY and SALT_KEY do not decrypt what they have encrypted. Correct them first.")
