"""Bookings as items of a POST, and what Beds24 answers to each."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from channel_sync.channels.beds24.normalization import KEY_INFO_CODE, STATUSES
from channel_sync.channels.beds24.wire import Beds24Status, WireItemResult, id_number
from channel_sync.channels.canonical import BookingPush, BookingWrite, WriteResult
from channel_sync.errors import ChannelUnavailable, RefusedByChannel, SoldElsewhere

STATUS_NAMES = {ours: theirs for theirs, ours in STATUSES.items() if theirs is not Beds24Status.NEW}


def write_item(write: BookingWrite) -> dict[str, Any]:
    """The item of a write; cancelling is a status.

    The key is written into a new booking, since Beds24 knows no idempotency header.
    """
    if write.push is None:
        return {"id": id_number("id", write.external_id or ""), "status": Beds24Status.CANCELLED.value}
    if write.external_id is None:
        return _booking_item(write.push) | {
            "infoItems": [{"code": KEY_INFO_CODE, "text": write.idempotency_key}],
            # Beds24 counts what OTAs have sold and we have not heard of: it has the last word on the last room.
            "actions": {"checkAvailability": True},
        }
    return {"id": id_number("id", write.external_id)} | _booking_item(write.push)


def write_result(write: BookingWrite, result: WireItemResult) -> WriteResult:
    """What became of a write. Raises `ChannelUnavailable` when the id of a new booking is missing."""
    if not result.success:
        if write.external_id is None and result.says_no_availability():
            return WriteResult("", refused=SoldElsewhere(status=HTTPStatus.CREATED))
        reason = (
            f"Beds24 refused the booking: {result.reasons()}. Correct it in the PMS, which sends it again; make a "
            "failed reservation anew."
        )
        return WriteResult("", refused=RefusedByChannel(reason, status=HTTPStatus.CREATED))
    external_id = write.external_id or str((result.new or {}).get("id") or "")
    if not external_id:
        raise ChannelUnavailable("Beds24 created a booking without telling its id. It is looked up by its key.")
    return WriteResult(external_id)


def _booking_item(booking: BookingPush) -> dict[str, Any]:
    item: dict[str, Any] = {
        "roomId": id_number("roomId", booking.external_room_id),
        "roomQty": booking.units,
        "status": STATUS_NAMES[booking.status].value,
        "arrival": str(booking.check_in),
        "departure": str(booking.check_out),
        "numAdult": booking.adults,
        "numChild": booking.children,
        "firstName": booking.guest.first_name,
        "lastName": booking.guest.last_name,
        "email": booking.guest.email,
        "phone": booking.guest.phone,
        "country2": booking.guest.country,
        "notes": booking.notes,
    }
    if booking.price is not None:
        item["price"] = float(booking.price)
    return item
