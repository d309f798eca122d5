"""Whether the stored tokens and webhook secrets can be decrypted with the keys of the settings."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured
from django.db.models import QuerySet

from channel_sync.errors import ConfigurationError, SecretUnreadable
from channel_sync.models import ChannelConnection
from channel_sync.models.encryption_keys import opening_keys, sealing_key
from channel_sync.models.sealed_values import keys_are_wrong

SECRETS = ("webhook_secret", "webhook_secret_previous", "account__refresh_token", "account__access_token")


def unreadable_secret(connections: QuerySet[ChannelConnection]) -> SecretUnreadable | None:
    """What is wrong with one of them, in one statement; None when all can be read."""
    try:
        list(connections.values_list(*SECRETS))
    except SecretUnreadable as error:
        return error
    return None


def require_usable_keys(*, keys_are_lost: bool = False) -> None:
    """Something is encrypted and decrypted, before a secret comes that can be had only once.

    Keys that decrypt nothing of what is stored are wrong ones, unless somebody says that the right ones are lost and
    what they have encrypted is to be replaced. Raises `ConfigurationError`.
    """
    try:
        usable = opening_keys().decrypt(sealing_key().encrypt(b"probe")) == b"probe"
    except ImproperlyConfigured as error:
        raise ConfigurationError(
            f"Nothing can be encrypted: {error} Correct it first; the invite code is not spent."
        ) from None
    if not usable:
        raise ConfigurationError("SECRET_KEY and SALT_KEY do not decrypt what they have encrypted. Correct them first.")
    if not keys_are_lost and keys_are_wrong():
        raise ConfigurationError(
            "SECRET_KEY and SALT_KEY of this process decrypt nothing of what is stored: they are other keys than those "
            "of the processes that stored it. Put the right ones into the settings, or into SECRET_KEY_FALLBACKS and "
            "behind the first SALT_KEY; the invite code is not spent. If they are lost for good, say so: with "
            "'--keys-are-lost', or 'keys_are_lost'; every other property then has to be connected again too."
        )
