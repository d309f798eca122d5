"""A subscription is sent what it has not been sent, in order: one process at a time, each until it was taken.

The receiver is called between transactions. A process that dies between its call and the note of it leaves the cursor
where it was: the notification is sent again, under the same id, once the lease is over.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, Now

from channel_sync.conf import channel_sync_settings
from channel_sync.errors import SecretUnreadable
from channel_sync.events.retry import RetrySchedule
from channel_sync.feed.numbering import number_new
from channel_sync.feed.page import Noted, read_page
from channel_sync.feed.visibility import visible_notifications
from channel_sync.models import Notification, Role, SwitchedOff, WebhookDelivery, WebhookSubscription
from channel_sync.operations.access import access_of
from channel_sync.subscriptions.message import Message, headers_of, message_of
from channel_sync.subscriptions.post import Outcome, post

logger = logging.getLogger(__name__)

# Longer than one call can take: a lease that is over belongs to a process that is dead, or stuck.
LEASE = timedelta(seconds=90)
# Then another subscription has its turn.
RUN_SECONDS = 20.0
AT_ONCE = 50
MAX_ERROR_LENGTH = 255


def due_subscriptions() -> list[UUID]:
    """Those that something has happened for and that nobody is working."""
    number_new()
    later = Notification.objects.filter(position__gt=OuterRef("cursor"))
    own = later.filter(channel_property=OuterRef("channel_property"))
    is_waiting = Q(channel_property=None) & Exists(later) | Q(channel_property__isnull=False) & Exists(own)
    return list(_free().filter(is_waiting).order_by("last_delivered_at").values_list("id", flat=True))


def deliver(subscription_id: UUID, *, send: Callable[[str, bytes, dict[str, str]], Outcome] = post) -> int:
    """Send a subscription what waits for it, for `RUN_SECONDS` at most; how many it has taken.

    Nothing when another process has it, it rests after a failure, or is switched off.
    """
    holder = secrets.token_hex(8)
    if not _free().filter(id=subscription_id).update(lease_holder=holder, lease_expires_at=Now() + LEASE):
        return 0
    subscription = WebhookSubscription.objects.select_related("owner").get(id=subscription_id)
    subscription.lease_holder = holder
    try:
        return _deliver(subscription, send)
    finally:
        _held(subscription).update(lease_holder=None, lease_expires_at=None)


def _deliver(subscription: WebhookSubscription, send: Callable[[str, bytes, dict[str, str]], Outcome]) -> int:
    rows = notifications_of(subscription)
    if rows is None:
        _switch_off(subscription, SwitchedOff.OWNER)
        return 0
    taken, end = 0, time.monotonic() + RUN_SECONDS
    while time.monotonic() < end:
        page = read_page(rows, subscription.cursor, limit=AT_ONCE)
        for noted in page.rows:
            if time.monotonic() > end:
                return taken
            if not _is_wanted(subscription, noted):
                subscription.cursor = noted.position
                continue
            if not _attempt(subscription, message_of(noted), send):
                return taken
            taken += 1
        if page.rows and not _held(subscription).update(cursor=page.next):
            break
        if not page.has_more:
            break
    return taken


def notifications_of(subscription: WebhookSubscription) -> QuerySet[Notification] | None:
    """What the subscription's owner may see, of its property if it has one; None for who may not have that."""
    if subscription.owner is None:
        return None
    access = access_of(subscription.owner)
    if not access.may(Role.ADMINISTRATOR, subscription.channel_property_id):
        return None
    rows = visible_notifications(access)
    if subscription.channel_property_id is not None:
        return rows.filter(channel_property=subscription.channel_property_id)
    return rows


def send_to(
    subscription: WebhookSubscription,
    message: Message,
    send: Callable[[str, bytes, dict[str, str]], Outcome] = post,
) -> tuple[Outcome, WebhookDelivery]:
    """One attempt, and the note of it; the subscription stays where it is."""
    outcome = _sent(subscription, message, send)
    return outcome, _note(subscription, message, outcome)


def signing_secrets(subscription: WebhookSubscription) -> list[str]:
    """The secret, and the one before it while that is still to be accepted."""
    still = WebhookSubscription.objects.filter(id=subscription.id, secret_previous_until__gt=Now()).exists()
    previous = subscription.secret_previous if still else None
    return [subscription.secret, *([previous] if previous else ())]


def _attempt(
    subscription: WebhookSubscription, message: Message, send: Callable[[str, bytes, dict[str, str]], Outcome]
) -> bool:
    """Send one and move on behind it; false where that did not go, or another process has the subscription by now."""
    outcome = _sent(subscription, message, send)
    with transaction.atomic():
        _note(subscription, message, outcome)
        if not outcome.succeeded:
            _note_failure(subscription, outcome)
            return False
        subscription.cursor = message.notification_id or subscription.cursor
        return bool(
            _held(subscription).update(
                cursor=subscription.cursor,
                failures=0,
                failing_since=None,
                next_attempt_at=None,
                last_delivered_at=Now(),
                lease_expires_at=Now() + LEASE,
            )
        )


def _sent(
    subscription: WebhookSubscription, message: Message, send: Callable[[str, bytes, dict[str, str]], Outcome]
) -> Outcome:
    try:
        signing = signing_secrets(subscription)
    except SecretUnreadable as error:
        return Outcome(None, str(error)[:MAX_ERROR_LENGTH], 0)
    return send(subscription.url, message.body, headers_of(message, signing))


def _note(subscription: WebhookSubscription, message: Message, outcome: Outcome) -> WebhookDelivery:
    return WebhookDelivery.objects.create(
        subscription=subscription,
        channel_property_id=subscription.channel_property_id,
        notification_id=message.notification_id,
        kind=message.kind,
        webhook_id=message.id,
        succeeded=outcome.succeeded,
        status_code=outcome.status,
        error=outcome.error,
        duration_ms=outcome.duration_ms,
    )


def _note_failure(subscription: WebhookSubscription, outcome: Outcome) -> None:
    if outcome.is_gone:
        _switch_off(subscription, SwitchedOff.GONE)
        return
    settings = channel_sync_settings()
    schedule = RetrySchedule(settings.subscription_retry_delays, settings.retry_jitter)
    delay = schedule.delay((subscription.failures or 0) + 1)
    _held(subscription).update(
        # What was passed over, as it is of no kind that is wanted, is not looked at again.
        cursor=subscription.cursor,
        failures=F("failures") + 1,
        failing_since=Coalesce("failing_since", Now()),
        next_attempt_at=Now() + delay,
        updated_at=Now(),
    )
    if _held(subscription).filter(failing_since__lt=Now() - settings.subscription_give_up_after).exists():
        _switch_off(subscription, SwitchedOff.NO_ANSWER)


def _switch_off(subscription: WebhookSubscription, reason: SwitchedOff) -> None:
    logger.warning("webhook subscription %s is switched off: %s", subscription.id, reason.label)
    _held(subscription).update(is_active=False, switched_off=reason, next_attempt_at=None, updated_at=Now())


def _is_wanted(subscription: WebhookSubscription, noted: Noted) -> bool:
    return not subscription.kinds or noted.kind in subscription.kinds


def _free() -> QuerySet[WebhookSubscription]:
    """Switched on, not resting, and in no living process's hands."""
    return WebhookSubscription.objects.filter(
        Q(lease_expires_at=None) | Q(lease_expires_at__lte=Now()),
        Q(next_attempt_at=None) | Q(next_attempt_at__lte=Now()),
        is_active=True,
    )


def _held(subscription: WebhookSubscription) -> QuerySet[WebhookSubscription]:
    """The subscription, as long as it is under the lease that the caller has."""
    return WebhookSubscription.objects.filter(id=subscription.id, lease_holder=subscription.lease_holder)
