"""Bookings as items of a POST, and what Beds24 answers to each."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from channel_sync.channels.beds24.booking_limits import booking_within_limits
from channel_sync.channels.beds24.normalization import KEY_INFO_CODE, STATUSES
from channel_sync.channels.beds24.wire import Beds24Status, WireItemResult, id_number
from channel_sync.channels.canonical import OF_GUEST, BookingPush, BookingWrite, WriteOutcome, WriteResult
from channel_sync.errors import ChannelUnavailable, RefusedByChannel, SoldElsewhere

LEADER = "masterId"
STATUS_NAMES = {ours: theirs for theirs, ours in STATUSES.items() if theirs is not Beds24Status.NEW}


def write_item(write: BookingWrite) -> dict[str, Any]:
    """The item of a write; cancelling is a status.

    The key is written into a new booking, since Beds24 knows no idempotency header. A new booking joins the group of
    its leader, or makes one with the others of the call that have none.
    """
    if write.push is None:
        return {"id": id_number("id", write.external_id or ""), "status": Beds24Status.CANCELLED.value}
    if write.external_id is None:
        made: dict[str, Any] = {"infoItems": [{"code": KEY_INFO_CODE, "text": write.idempotency_key}]}
        # Beds24 counts what OTAs have sold and we have not heard of: it has the last word on the last room.
        actions = {"checkAvailability": True} if write.checks_availability else {}
        if write.leader is not None:
            made["masterId"] = id_number(LEADER, write.leader)
        elif write.group:
            actions["makeGroup"] = True
        if actions:
            made["actions"] = actions
        return _booking_item(write, write.push) | made
    return {"id": id_number("id", write.external_id)} | _booking_item(write, write.push)


def has_lost_its_leader(write: BookingWrite, result: WireItemResult) -> bool:
    """Whether a new booking is refused for its group alone, such as when its leader was deleted a moment ago."""
    refused = write.leader is not None and not result.success and not result.created_id()
    return refused and {remark.field for remark in (*result.errors, *result.warnings)} == {LEADER}


def write_result(write: BookingWrite, result: WireItemResult) -> WriteResult:
    """What became of a write. Raises `ChannelUnavailable` when the id of a new booking is missing.

    A booking that was made stands, although an item of it was refused: only what has no id, or changed nothing, is
    refused.
    """
    created_id = result.created_id() if write.external_id is None else ""
    if created_id:
        return WriteResult(created_id, WriteOutcome.CREATED, None, result.remarks(), _dropped(write, result))
    if write.external_id is not None and (result.success or result.modified):
        return WriteResult(write.external_id, WriteOutcome.CHANGED, None, result.remarks(), _dropped(write, result))
    if result.success:
        raise ChannelUnavailable("Beds24 created a booking without telling its id. It is looked up by its key.")
    if write.external_id is None and result.says_no_availability():
        return WriteResult.refusal(SoldElsewhere(status=HTTPStatus.CREATED))
    reason = (
        f"Beds24 refused the booking: {result.reasons()}. Correct it in the PMS, which sends it again; make a "
        "failed reservation anew."
    )
    return WriteResult.refusal(RefusedByChannel(reason, status=HTTPStatus.CREATED))


def _dropped(write: BookingWrite, result: WireItemResult) -> frozenset[str]:
    """What Beds24 speaks against, and what could not be sent: an email or a price cannot be taken back."""
    if write.push is None:
        return frozenset()
    is_new = write.external_id is None
    named = {remark.field for remark in (*result.errors, *result.warnings)}
    fields = _fields(booking_within_limits(write.push))
    return frozenset(
        ours
        for theirs, (ours, value) in fields.items()
        if write.sends(ours) and (theirs in named or (value is None and not is_new))
    )


def _booking_item(write: BookingWrite, wanted: BookingPush) -> dict[str, Any]:
    """The fields that are sent; no email is left out, since an empty one is none to Beds24."""
    fields = _fields(booking_within_limits(wanted))
    return {theirs: value for theirs, (ours, value) in fields.items() if value is not None and write.sends(ours)}


def _fields(push: BookingPush) -> dict[str, tuple[str, Any]]:
    """Beds24's name of a field -> ours, and the value; None where there is no word for it."""
    return {
        "roomId": ("external_room_id", id_number("roomId", push.external_room_id)),
        "roomQty": ("units", push.units),
        "status": ("status", STATUS_NAMES[push.status].value),
        "arrival": ("check_in", str(push.check_in)),
        "departure": ("check_out", str(push.check_out)),
        "numAdult": ("adults", push.adults),
        "numChild": ("children", push.children),
        "firstName": (f"{OF_GUEST}first_name", push.guest.first_name),
        "lastName": (f"{OF_GUEST}last_name", push.guest.last_name),
        "email": (f"{OF_GUEST}email", push.guest.email or None),
        "phone": (f"{OF_GUEST}phone", push.guest.phone),
        "country2": (f"{OF_GUEST}country", push.guest.country),
        "notes": ("notes", push.notes),
        "price": ("price", None if push.price is None else float(push.price)),
    }
