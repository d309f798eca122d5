"""What administrators do with subscriptions: make, change, rotate, test, deliver once more, remove."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from channel_sync.conf import channel_sync_settings
from channel_sync.errors import NotificationGone, SubscriptionOff
from channel_sync.feed.page import present_end, read_page
from channel_sync.feed.visibility import visible_notifications
from channel_sync.models import (
    AuditAction,
    ChannelProperty,
    SwitchedOff,
    WebhookDelivery,
    WebhookSubscription,
)
from channel_sync.operations.access import access_of
from channel_sync.operations.audit import note
from channel_sync.subscriptions.address import require_sendable
from channel_sync.subscriptions.delivery import notifications_of, send_to
from channel_sync.subscriptions.message import message_of, new_secret, trial_message


@dataclass(frozen=True)
class WithSecret:
    """A subscription whose secret was made a moment ago, and is shown only now."""

    subscription: WebhookSubscription
    secret: str = field(repr=False)


def subscribe(
    owner: Any, url: str, *, kinds: Sequence[str] = (), channel_property: ChannelProperty | None = None
) -> WithSecret:
    """Send an address what happens from now on. Raises `AddressRefused`."""
    require_sendable(url)
    secret, begin = new_secret(), present_end(visible_notifications(access_of(owner)))
    with transaction.atomic():
        made = WebhookSubscription.objects.create(
            url=url,
            secret=secret,
            kinds=sorted(set(kinds)),
            channel_property=channel_property,
            owner=owner,
            cursor=begin,
        )
        _note(owner, AuditAction.SUBSCRIPTION_MADE, made, url=url)
    return WithSecret(made, secret)


def change(subscription: WebhookSubscription, by: Any, **changes: Any) -> WebhookSubscription:
    """Change `url`, `kinds`, `channel_property` or `is_active`. Raises `AddressRefused`.

    What is switched on again goes on where it stopped, at once, under the rights of whoever does it.
    """
    if "url" in changes:
        require_sendable(changes["url"])
    if "kinds" in changes:
        changes["kinds"] = sorted(set(changes["kinds"]))
    if changes.get("is_active") is False and subscription.is_active:
        changes["switched_off"] = SwitchedOff.BY_HAND
    if changes.get("is_active"):
        changes |= {"switched_off": "", "failures": 0, "failing_since": None, "next_attempt_at": None, "owner": by}
    if "url" in changes:
        changes["next_attempt_at"] = None
    with transaction.atomic():
        WebhookSubscription.objects.filter(id=subscription.id).update(**changes, updated_at=Now())
        _note(by, AuditAction.SUBSCRIPTION_CHANGED, subscription, changed=sorted(changes))
    return WebhookSubscription.objects.get(id=subscription.id)


def rotate(subscription: WebhookSubscription, by: Any) -> WithSecret:
    """Give it a new secret; for a day deliveries are signed with the old one too."""
    secret = new_secret()
    overlap = channel_sync_settings().subscription_secret_overlap
    with transaction.atomic():
        # The old secret is encrypted as it lies there: it is moved without being read.
        WebhookSubscription.objects.filter(id=subscription.id).update(
            secret_previous=F("secret"), secret_previous_until=Now() + overlap, secret=secret, updated_at=Now()
        )
        _note(by, AuditAction.SUBSCRIPTION_ROTATED, subscription)
    return WithSecret(WebhookSubscription.objects.get(id=subscription.id), secret)


def send_test(subscription: WebhookSubscription, by: Any) -> WebhookDelivery:
    """Send a test now; how that went."""
    _note(by, AuditAction.SUBSCRIPTION_TESTED, subscription)
    return send_to(_whole(subscription), trial_message())[1]


def send_again(delivery: WebhookDelivery, by: Any) -> WebhookDelivery:
    """Send what a delivery was about once more, now and out of order, under its id; how that went.

    Raises `SubscriptionOff`, and `NotificationGone`.
    """
    subscription = _whole(delivery.subscription)
    if not subscription.is_active:
        raise SubscriptionOff(subscription)
    if delivery.notification_id is None:
        return send_test(subscription, by)
    rows = notifications_of(subscription)
    found = read_page(rows.filter(position=delivery.notification_id), 0, limit=1).rows if rows is not None else []
    if not found:
        raise NotificationGone(delivery.id)
    _note(by, AuditAction.DELIVERY_REPEATED, subscription, webhook_id=delivery.webhook_id)
    return send_to(subscription, message_of(found[0]))[1]


def unsubscribe(subscription: WebhookSubscription, by: Any) -> None:
    """Send it nothing any more, and forget it."""
    with transaction.atomic():
        _note(by, AuditAction.SUBSCRIPTION_REMOVED, subscription, url=subscription.url)
        subscription.delete()


def _whole(subscription: WebhookSubscription) -> WebhookSubscription:
    return WebhookSubscription.objects.select_related("owner").get(id=subscription.id)


def _note(by: Any, action: AuditAction, subscription: WebhookSubscription, **details: Any) -> None:
    note(
        by.get_username(),
        action,
        f"subscription:{subscription.id}",
        channel_property_id=subscription.channel_property_id,
        **details,
    )
