"""From Beds24's shapes to the canonical types; wrong data raises `InvalidPayload` that names the field."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import ValidationError

from channel_sync.channels.beds24.wire import (
    Beds24Status,
    WireBooking,
    WireBookingReference,
    WireCalendarDay,
    WireRoom,
    WireRoomCalendar,
    invalid,
    read,
    read_date,
    read_or_none,
    read_time,
)
from channel_sync.channels.canonical import (
    LONGEST_STAY,
    OF_GUEST,
    AvailabilityRange,
    Booking,
    BookingCancellation,
    BookingStatus,
    ClaimedNights,
    Guest,
    RateRange,
    RateTerms,
)
from channel_sync.channels.ranges import ONE_NIGHT
from channel_sync.errors import InvalidPayload

# The code of the info item under which a booking made by us carries its idempotency key (docs/beds24.md).
KEY_INFO_CODE = "CHANNELSYNC"

MOST_UNITS = 1000
PRICE_SLOTS = range(1, 17)

STATUSES = {
    Beds24Status.CONFIRMED: BookingStatus.CONFIRMED,
    Beds24Status.NEW: BookingStatus.CONFIRMED,
    Beds24Status.REQUEST: BookingStatus.REQUEST,
    Beds24Status.CANCELLED: BookingStatus.CANCELLED,
    Beds24Status.BLACK: BookingStatus.BLOCKED,
    Beds24Status.INQUIRY: BookingStatus.INQUIRY,
}


# Which fields of Beds24 a field of ours is read from.
SAID_BY: Mapping[str, tuple[str, ...]] = {
    "units": ("roomQty",),
    "adults": ("numAdult",),
    "children": ("numChild",),
    "price": ("price",),
    "notes": ("notes",),
    "client_key": ("infoItems",),
    f"{OF_GUEST}first_name": ("firstName",),
    f"{OF_GUEST}last_name": ("lastName",),
    f"{OF_GUEST}email": ("email",),
    f"{OF_GUEST}phone": ("phone", "mobile"),
    f"{OF_GUEST}country": ("country2",),
}


def normalize_booking_event(payload: Mapping[str, Any]) -> Booking:
    """A webhook payload, or a booking of `GET /bookings`, as a canonical booking."""
    beside = {"infoItems": payload["infoItems"]} if "infoItems" in payload else {}
    wire = read(WireBooking, {**beside, **_raw(payload)}, prefix="booking.")
    if wire.departure <= wire.arrival:
        raise InvalidPayload("booking.departure", f"{wire.departure} is not after arrival {wire.arrival}")
    if wire.departure - wire.arrival > LONGEST_STAY:
        raise InvalidPayload("booking.departure", f"{wire.departure} is more than a century after {wire.arrival}")
    try:
        return _booking(wire)
    except ValidationError as error:
        raise invalid(error, "booking.") from None


def normalize_cancellation(payload: Mapping[str, Any]) -> BookingCancellation:
    """The number of a cancelled booking and, where it can be read, the time; raises only for the number."""
    raw = _raw(payload)
    reference = read(WireBookingReference, {"id": raw.get("id")}, prefix="booking.")
    return BookingCancellation(external_id=reference.id, modified_at=read_time(raw.get("modifiedTime")))


def is_cancelled(payload: Mapping[str, Any]) -> bool:
    """Whether a booking says that it is cancelled, whatever else it says."""
    raw = payload.get("booking") or payload
    return isinstance(raw, Mapping) and raw.get("status") == Beds24Status.CANCELLED


def claimed_nights(payload: Mapping[str, Any]) -> ClaimedNights | None:
    """Room and nights as far as they can be read: each by itself, whatever is wrong with the rest."""
    raw = payload.get("booking") or payload.get("data") or payload
    booking = raw if isinstance(raw, Mapping) else {}
    if booking.get("status") in (Beds24Status.CANCELLED, Beds24Status.INQUIRY):
        return None
    arrival, departure = read_date(booking.get("arrival")), read_date(booking.get("departure"))
    is_stay = arrival is not None and departure is not None and arrival < departure
    room = read_or_none(WireRoom, {"id": booking.get("roomId")})
    return ClaimedNights(
        external_room_id=room.id if room is not None else None,
        first_night=arrival if is_stay else None,
        last_night=departure - ONE_NIGHT if is_stay and departure is not None else None,
        units=_units(booking.get("roomQty")),
        is_ours=_carries_our_key(payload.get("infoItems") or booking.get("infoItems")),
    )


def _units(quantity: Any) -> int:
    return quantity if type(quantity) is int and 1 <= quantity <= MOST_UNITS else 1


def _carries_our_key(items: Any) -> bool:
    return isinstance(items, list) and any(
        isinstance(one, Mapping) and one.get("code") == KEY_INFO_CODE for one in items
    )


def _raw(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    raw = payload.get("booking") or payload.get("data") or payload
    if not isinstance(raw, Mapping):
        raise InvalidPayload("booking", "is not an object")
    return raw


def _booking(wire: WireBooking) -> Booking:
    return Booking(
        external_id=wire.id,
        external_property_id=wire.propertyId,
        external_room_id=wire.roomId,
        external_unit_id=wire.unitId,
        group_id=wire.masterId if "masterId" in wire.model_fields_set else None,
        units=wire.roomQty,
        status=_status(wire.status),
        check_in=wire.arrival,
        check_out=wire.departure,
        adults=wire.numAdult,
        children=wire.numChild,
        guest=Guest(
            first_name=wire.firstName,
            last_name=wire.lastName,
            email=wire.email,
            phone=wire.phone or wire.mobile,
            country=wire.country2,
        ),
        price=wire.price,
        notes=wire.notes,
        guest_comments=wire.comments if "comments" in wire.model_fields_set else None,
        left_out=_left_out(wire),
        ota=wire.channel,
        ota_reference=wire.apiReference,
        currency=wire.currency,
        booked_at=wire.bookingTime,
        modified_at=wire.modifiedTime,
        cancelled_at=wire.cancelTime,
        client_key=next((item.text for item in wire.infoItems if item.code == KEY_INFO_CODE), ""),
    )


def _left_out(wire: WireBooking) -> tuple[str, ...]:
    """What the payload leaves out: a webhook version without personal data, a token without the scope for it."""
    absent = {name for name, sources in SAID_BY.items() if wire.model_fields_set.isdisjoint(sources)}
    if wire.price is None:
        absent.add("price")
    if "phone" not in wire.model_fields_set and not wire.mobile:
        absent.add(f"{OF_GUEST}phone")
    return tuple(sorted(absent))


def _status(name: str) -> BookingStatus:
    """A status that Beds24 adds one day fails the stored event, not the webhook: the booking is not lost."""
    if name not in STATUSES:
        raise InvalidPayload("booking.status", f"is none of {', '.join(STATUSES)}")
    return STATUSES[Beds24Status(name)]


def normalize_availability_event(payload: Mapping[str, Any]) -> list[AvailabilityRange]:
    """One room of the calendar as ranges of free units; days without `numAvail` are left out."""
    room = read(WireRoomCalendar, payload)
    return [
        AvailabilityRange(
            external_room_id=room.roomId, first_night=_first(day), last_night=day.last, units=day.numAvail
        )
        for day in room.calendar
        if day.numAvail is not None
    ]


def normalize_rate_event(payload: Mapping[str, Any]) -> list[RateRange]:
    """One room of the calendar as ranges of rates, one for every price slot that has a price."""
    room = read(WireRoomCalendar, payload)
    return [
        RateRange(
            external_rate_id=f"{room.roomId}:{slot}",
            first_night=_first(day),
            last_night=day.last,
            terms=_terms(day, slot),
        )
        for day in room.calendar
        for slot in PRICE_SLOTS
        if (day.model_extra or {}).get(f"price{slot}") is not None
    ]


def _first(day: WireCalendarDay) -> Any:
    if day.last < day.first:
        raise InvalidPayload("calendar.to", f"{day.last} is before {day.first}")
    return day.first


def _terms(day: WireCalendarDay, slot: int) -> RateTerms:
    override = day.override or "none"
    try:
        return RateTerms(
            price=Decimal(str((day.model_extra or {})[f"price{slot}"])),
            min_stay=day.minStay,
            max_stay=day.maxStay,
            stop_sell=override == "blackout",
            closed_to_arrival=override in ("noCheckIn", "noCheckInOrCheckOut"),
            closed_to_departure=override in ("noCheckOut", "noCheckInOrCheckOut"),
        )
    except (InvalidOperation, ValidationError):
        raise InvalidPayload(f"calendar.price{slot}", "is not an amount of money") from None
