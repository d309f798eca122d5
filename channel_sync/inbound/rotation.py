"""The end of a rotation: the new webhook secret was seen, and the old one is not taken any more."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from copy import copy

from django.db.models.functions import Now

from channel_sync.errors import BadSignature
from channel_sync.inbound.verification import verify
from channel_sync.models import ChannelConnection

logger = logging.getLogger(__name__)


def end_rotation(connection: ChannelConnection, headers: Mapping[str, str], body: bytes) -> None:
    """Drop the old secret of a connection once a genuine webhook carries the new one.

    Nothing happens when the secrets were changed since the connection was read: the new one may be old by now.
    """
    if not connection.webhook_secret_previous:
        return
    alone = copy(connection)
    alone.webhook_secret_previous = None  # type: ignore[assignment]
    try:
        verify(alone, headers, body)
    except BadSignature:
        return
    unchanged = ChannelConnection.objects.filter(pk=connection.pk, updated_at=connection.updated_at)
    if unchanged.update(webhook_secret_previous=None, webhook_secret_rotated_at=None, updated_at=Now()):
        logger.info("%s: a webhook has brought the new secret, the old one is not taken any more", connection)
