"""Who sees which notifications: the one place that limits them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import QuerySet

from channel_sync.models import Notification, WebhookSubscription
from channel_sync.operations.roles import Role, has_role


def visible_notifications(user: AbstractBaseUser | AnonymousUser | Any) -> QuerySet[Notification]:
    """What a viewer may see; nothing for who is none."""
    return Notification.objects.all() if has_role(user, Role.VIEWER) else Notification.objects.none()


def visible_subscriptions(user: AbstractBaseUser | AnonymousUser | Any) -> QuerySet[WebhookSubscription]:
    """Those that an administrator may look at and change."""
    every = WebhookSubscription.objects.all()
    return every if has_role(user, Role.ADMINISTRATOR) else every.none()
