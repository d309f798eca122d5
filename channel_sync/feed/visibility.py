"""Who sees which notifications: the one place that limits them."""

from __future__ import annotations

from django.db.models import QuerySet

from channel_sync.models import Notification
from channel_sync.operations.access import Access


def visible_notifications(access: Access) -> QuerySet[Notification]:
    """Of properties that the user may see; of the whole installation only for who may see every property."""
    return access.limit(Notification.objects.all())
