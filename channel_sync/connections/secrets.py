"""Whether the stored tokens and webhook secrets can be decrypted with the keys of the settings."""

from __future__ import annotations

from django.db.models import QuerySet

from channel_sync.errors import SecretUnreadable
from channel_sync.models import ChannelConnection

SECRETS = ("webhook_secret", "webhook_secret_previous", "account__refresh_token", "account__access_token")


def unreadable_secret(connections: QuerySet[ChannelConnection]) -> SecretUnreadable | None:
    """What is wrong with one of them, in one statement; None when all can be read."""
    try:
        list(connections.values_list(*SECRETS))
    except SecretUnreadable as error:
        return error
    return None
