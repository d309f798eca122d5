"""How long the old webhook secret of a property is taken beside the new one."""

from __future__ import annotations

from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import Now

from channel_sync.conf import channel_sync_settings


def is_taken_too() -> Q:
    """Connections whose old secret is still taken, by the database's clock."""
    return Q(webhook_secret_previous__isnull=False) & ~_has_lapsed()


def old_secret_is_over() -> ExpressionWrapper[Q]:
    """Whether nobody has brought the new secret in time: true, or false or null."""
    return ExpressionWrapper(_has_lapsed(), output_field=BooleanField())


def _has_lapsed() -> Q:
    return Q(
        webhook_secret_rotated_at__isnull=False,
        webhook_secret_rotated_at__lt=Now() - channel_sync_settings().webhook_old_secret_for,
    )
