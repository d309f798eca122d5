"""Report a booking to the OTA that sold it: a guest who did not come, a card that fails, a wish to cancel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from channel_sync.channels.reports import Report, Reportable, ReportOffer
from channel_sync.connections.account import calling, note_success
from channel_sync.connections.registry import channel_class
from channel_sync.errors import (
    ChannelSyncError,
    ChannelUnavailable,
    RefusedByChannel,
    ReportedBefore,
    ReportNotOffered,
    ReportUnanswered,
)
from channel_sync.merge.agreement import MADE_HERE
from channel_sync.models import (
    AuditAction,
    AuditEntry,
    ChannelEvent,
    ChannelPropertyStatus,
    Direction,
    EntityType,
    ReservationLink,
)
from channel_sync.operations.audit import note
from channel_sync.pms import host_pms

SENT, REFUSED, UNANSWERED = "sent", "refused", "unanswered"
NO_RESERVATION = "The PMS has no reservation for this booking any more: report it in the OTA's extranet."
CANCELLED = "The booking is cancelled: there is nothing left to report."
UNKNOWN_OTA = "It is not known which OTA sold this booking. Look it up at the channel and report it in the extranet."
NOT_ACTIVE = "The property is paused or needs a new login, and nothing is sent. Resume or connect it, then report."


@dataclass(frozen=True)
class OfferToday:
    """A report, whether it can be sent now, and when it was sent last and by whom."""

    offer: ReportOffer
    is_open: bool
    reported_at: datetime | None = None
    reported_by: str = ""


@dataclass(frozen=True)
class BookingReports:
    """What can be reported of a booking, now or later; where it is nothing, `instead` says why, and what to do."""

    offers: tuple[OfferToday, ...]
    instead: str


def reports_of(link: ReservationLink, *, today: date | None = None) -> BookingReports:
    """What the OTA takes of a booking, by the date at the property. Asks the channel nothing."""
    reportable = _reportable(link)
    if not reportable.offers:
        return BookingReports((), reportable.instead)
    day = today or host_pms().property_facts(link.channel_property.property_id).today()
    sent = _sent(link)
    offers = (
        OfferToday(
            offer,
            offer.is_open(day),
            sent[offer.report].created_at if offer.report in sent else None,
            sent[offer.report].actor if offer.report in sent else "",
        )
        for offer in reportable.offers
        if not offer.is_over(day) or offer.report in sent
    )
    return BookingReports(tuple(offers), reportable.instead)


def send_report(link: ReservationLink, report: Report, *, by: str, again: bool = False) -> BookingReports:
    """Report a booking, and keep who did and what came of it; not twice, unless `again` says so.

    Raises `ReportNotOffered`, `ReportedBefore`, `RefusedByChannel` with the channel's reasons, `ReportUnanswered`, and
    `NotYet` when the channel cannot be called now.
    """
    _require(link, report, again=again)
    if link.channel_property.status != ChannelPropertyStatus.ACTIVE:
        raise ReportNotOffered(NOT_ACTIVE)
    is_unanswered = False
    try:
        with calling(link.channel_property, is_urgent=True) as channel:
            # Once more, in the account's turn: two people may have pressed the same button.
            _require(link, report, again=again)
            try:
                remarks = channel.report(link.external_id, report)
            except RefusedByChannel as error:
                _note(link, report, by, REFUSED, reason=str(error))
                raise
            except ChannelUnavailable:
                is_unanswered = True
                _note(link, report, by, UNANSWERED)
                raise
            with transaction.atomic():
                _note(link, report, by, SENT, remarks=list(remarks))
                note_success(link.channel_property)
    except ChannelSyncError as error:
        if is_unanswered:
            raise ReportUnanswered(link.external_id) from error
        raise
    return reports_of(link)


def _require(link: ReservationLink, report: Report, *, again: bool) -> None:
    found = reports_of(link)
    offer = next((one for one in found.offers if one.offer.report is report), None)
    if offer is None and not found.offers:
        raise ReportNotOffered(found.instead)
    if offer is None or not offer.is_open:
        raise ReportNotOffered(_closed(offer.offer if offer is not None else _offer_of(link, report)))
    if offer.reported_at is not None and not again:
        raise ReportedBefore(link.external_id, offer.reported_at, offer.reported_by)


def _offer_of(link: ReservationLink, report: Report) -> ReportOffer | None:
    return next((one for one in _reportable(link).offers if one.report is report), None)


def _closed(offer: ReportOffer | None) -> str:
    if offer is None:
        return "The OTA does not take this report."
    days = [f"from {offer.first_day}" if offer.first_day else "", f"until {offer.last_day}" if offer.last_day else ""]
    return f"The OTA takes this report {' '.join(filter(None, days))}, by the date at the property."


def _reportable(link: ReservationLink) -> Reportable:
    if link.applied_cancelled:
        return Reportable(instead=CANCELLED)
    reservation = host_pms().reservation(link.reservation_id) if link.reservation_id is not None else None
    if reservation is None:
        return Reportable(instead=NO_RESERVATION)
    ota = _ota(link)
    if not ota and not link.bases.get(MADE_HERE):
        return Reportable(instead=UNKNOWN_OTA)
    return channel_class(link.channel_property.channel_name).reports_of(ota, reservation.check_in)


def _ota(link: ReservationLink) -> str:
    """Links from before the OTA was kept do not name it; what the channel last said of the booking may."""
    if link.ota:
        return link.ota
    said = ChannelEvent.objects.filter(
        channel_property=link.channel_property,
        entity_external_id=link.external_id,
        entity_type=EntityType.BOOKING,
        direction=Direction.INBOUND,
    )
    payload = said.order_by("-received_at").values_list("payload", flat=True).first()
    return channel_class(link.channel_property.channel_name).outline(payload).get("ota", "")


def _sent(link: ReservationLink) -> Mapping[Report, AuditEntry]:
    """The last of each kind of report that the channel has taken."""
    entries = AuditEntry.objects.filter(
        subject=_subject(link),
        channel_property_id=link.channel_property_id,
        action=AuditAction.BOOKING_REPORTED,
        details__outcome=SENT,
    )
    return {Report(entry.details["report"]): entry for entry in entries.order_by("created_at", "id")}


def _note(link: ReservationLink, report: Report, by: str, outcome: str, **details: object) -> None:
    note(
        by, AuditAction.BOOKING_REPORTED, _subject(link), channel_property_id=link.channel_property_id,
        report=report.value, outcome=outcome, **details,
    )  # fmt: skip


def _subject(link: ReservationLink) -> str:
    return f"booking:{link.external_id}"
