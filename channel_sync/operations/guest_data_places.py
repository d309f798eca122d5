"""Where anything about a guest may be kept, column by column, and the rows that are about one booking.

Every column that can hold text of any length or JSON is listed: a test fails for one that is not. Columns of numbers,
dates, ids and choices name nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet

from channel_sync.models import (
    Alert,
    AuditEntry,
    CapturedChange,
    ChannelClaim,
    ChannelEvent,
    Conflict,
    Direction,
    EntityType,
    InventoryHold,
    LeftAlone,
    ReservationLink,
    StagedBooking,
    StoredAnswer,
)
from channel_sync.operations.guest_data_search import GuestBooking


class Holds(StrEnum):
    """What a column may say of a guest, and what an erasure does with it."""

    GUEST = "names the guest: the fields that do are taken out"
    DIGESTS = "digests of what names the guest: they are taken out"
    WORDS = "names nobody by itself, may quote what a channel or a person wrote: the guest's names are taken out"
    NOTHING = "names no guest"


PLACES: Mapping[str, Holds] = {
    "ChannelEvent.payload": Holds.GUEST,
    "ChannelEvent.normalized_payload": Holds.GUEST,
    "ChannelEvent.last_error": Holds.WORDS,
    "ChannelEvent.warnings": Holds.WORDS,
    "ReservationLink.bases": Holds.DIGESTS,
    "Conflict.pms_side": Holds.GUEST,
    "Conflict.channel_side": Holds.GUEST,
    "StagedBooking.payload": Holds.GUEST,
    "CapturedChange.old_row": Holds.GUEST,
    "CapturedChange.new_row": Holds.GUEST,
    "CapturedChange.row_pk": Holds.NOTHING,
    "CapturedChange.links": Holds.NOTHING,
    "AuditEntry.details": Holds.WORDS,
    "Alert.message": Holds.WORDS,
    "Alert.fired_to": Holds.NOTHING,
    "Alert.resolved_to": Holds.NOTHING,
    "ParityCheck.report": Holds.NOTHING,
    "ParityCheck.last_error": Holds.NOTHING,
    "ReconciliationRun.cursor": Holds.NOTHING,
    "ReconciliationRun.kept_lower": Holds.NOTHING,
    "ReconciliationRun.note": Holds.NOTHING,
    "ReconciliationRun.last_error": Holds.NOTHING,
    "ChannelAccount.refresh_token": Holds.NOTHING,
    "ChannelAccount.access_token": Holds.NOTHING,
    "ChannelAccount.failing_calls": Holds.NOTHING,
    "ChannelConnection.webhook_secret": Holds.NOTHING,
    "ChannelConnection.webhook_secret_previous": Holds.NOTHING,
    "ChannelConnection.first_sync_error": Holds.NOTHING,
    "ChannelProperty.config": Holds.NOTHING,
    "ChannelMapping.metadata": Holds.NOTHING,
    "Heartbeat.queues": Holds.NOTHING,
    "Notification.payload": Holds.NOTHING,
    "WebhookSubscription.kinds": Holds.NOTHING,
    "WebhookSubscription.secret": Holds.NOTHING,
    "WebhookSubscription.secret_previous": Holds.NOTHING,
    # Answers are deleted after a day, by retention; an erasure deletes those that name the guest at once.
    "StoredAnswer.body": Holds.GUEST,
    "StoredAnswer.headers": Holds.NOTHING,
    "StoredAnswer.properties": Holds.NOTHING,
}


def rows_about(booking: GuestBooking) -> dict[str, QuerySet[Any]]:
    """Table -> the rows that are kept about a booking."""
    of_property = {"channel_property": booking.channel_property}
    found: tuple[QuerySet[Any], ...] = (
        events_of(booking),
        ReservationLink.objects.filter(_numbered("external_id", booking), **of_property),
        conflicts_of(booking),
        StagedBooking.objects.filter(
            run__channel_property=booking.channel_property, external_id=booking.external_id, external_id__gt=""
        ),
        changes_of(booking),
        ChannelClaim.objects.filter(_numbered("external_id", booking), **of_property),
        InventoryHold.objects.filter(reservation=booking.reservation_id, reservation__isnull=False),
        LeftAlone.objects.filter(reservation=booking.reservation_id, reservation__isnull=False, **of_property),
        alerts_of(booking),
        audit_of(booking),
        answers_about(booking),
    )
    return {rows.model._meta.db_table: rows for rows in found}


def events_of(booking: GuestBooking) -> QuerySet[ChannelEvent]:
    """Events of a booking, both ways; in the order in which they came."""
    number = Q(entity_external_id=booking.external_id, entity_external_id__gt="")
    reservation = Q(entity_internal_id=booking.reservation_id, entity_internal_id__isnull=False)
    return ChannelEvent.objects.filter(
        number | reservation, channel_property=booking.channel_property, entity_type=EntityType.BOOKING
    ).order_by("received_at", "id")


def inventory_naming(booking: GuestBooking, names: Iterable[str]) -> QuerySet[ChannelEvent]:
    """Webhooks about rooms of the property that say one of the names: older ones were stored with all that they had."""
    says = Q()
    for name in names:
        says |= Q(payload__icontains=name)
    if not says:
        return ChannelEvent.objects.none()
    return ChannelEvent.objects.filter(
        says,
        channel_property=booking.channel_property,
        direction=Direction.INBOUND,
        entity_type=EntityType.AVAILABILITY,
        redacted_at=None,
    )


def conflicts_of(booking: GuestBooking) -> QuerySet[Conflict]:
    """Conflicts about a booking, whatever became of them."""
    about = Q(subject=booking.subject)
    if booking.reservation_id is not None:
        about |= Q(subject=f"reservation:{booking.reservation_id}")
        about |= Q(pms_side__reservation_id=str(booking.reservation_id))
    return Conflict.objects.filter(about, channel_property=booking.channel_property).order_by("created_at", "id")


def changes_of(booking: GuestBooking) -> QuerySet[CapturedChange]:
    """Writes of the reservation that have not become events."""
    return CapturedChange.objects.filter(
        model__iexact=settings.CHANNEL_SYNC_RESERVATION_MODEL, row_pk=str(booking.reservation_id)
    ).order_by("id")


def alerts_of(booking: GuestBooking) -> QuerySet[Alert]:
    """Alerts that name the booking by its number."""
    if not booking.external_id:
        return Alert.objects.none()
    number = rf"\y{re.escape(booking.external_id)}\y"
    return Alert.objects.filter(
        Q(message__regex=number) | Q(subject__regex=number), channel_property=booking.channel_property
    ).order_by("created_at", "id")


def answers_about(booking: GuestBooking) -> QuerySet[StoredAnswer]:
    """Stored answers of the host's API that hold the reservation, alone or in a group; the rest go after a day."""
    if booking.reservation_id is None:
        return StoredAnswer.objects.none()
    reservation = {"id": str(booking.reservation_id)}
    return StoredAnswer.objects.filter(Q(body__contains=reservation) | Q(body__contains=[reservation]))


def audit_of(booking: GuestBooking) -> QuerySet[AuditEntry]:
    """What people did with the booking, its reservation and its events."""
    subjects = [f"event:{event_id}" for event_id in events_of(booking).values_list("id", flat=True)]
    subjects += [booking.subject, f"reservation:{booking.reservation_id}"]
    return AuditEntry.objects.filter(subject__in=subjects).order_by("created_at", "id")


def _numbered(column: str, booking: GuestBooking) -> Q:
    """By the number at the channel, or by the reservation of one that has none."""
    if booking.external_id:
        return Q(**{column: booking.external_id})
    return Q(reservation=booking.reservation_id, reservation__isnull=False)
