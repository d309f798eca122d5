"""Reports to OTAs, which Beds24 passes on to Booking.com alone: `POST /channels/booking`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from http import HTTPStatus
from uuid import uuid4

from channel_sync.channels.beds24.client import Client
from channel_sync.channels.beds24.otas import BOOKING_COM, WITHOUT_OTA, name_of
from channel_sync.channels.beds24.wire import id_number
from channel_sync.channels.ranges import ONE_NIGHT
from channel_sync.channels.reports import Report, Reportable, ReportOffer
from channel_sync.errors import AuthenticationFailed, RefusedByChannel

PATH = "/channels/booking"
FOR_A_NO_SHOW = timedelta(days=2)
ACTIONS = {
    Report.NO_SHOW: "reportNoShow",
    Report.INVALID_CARD: "reportInvalidCard",
    Report.CANCELLATION: "reportCancel",
}
NO_OTA = "No OTA has sold this booking, so there is nobody to report it to. Change or cancel it in the PMS."


def reports_of(ota: str, check_in: date) -> Reportable:
    """Booking.com hears of an invalid card before check-in, and of a no-show for two days from check-in on."""
    if ota in WITHOUT_OTA:
        return Reportable(instead=NO_OTA)
    name = name_of(ota)
    if ota != BOOKING_COM:
        return Reportable(instead=f"{name} takes no reports through Beds24. Report it in {name}'s extranet.")
    return Reportable(
        offers=(
            ReportOffer(
                Report.NO_SHOW,
                "Tells Booking.com that the guest did not arrive.",
                first_day=check_in,
                last_day=check_in + FOR_A_NO_SHOW,
            ),
            ReportOffer(
                Report.INVALID_CARD,
                "Tells Booking.com that the guest's card cannot be charged.",
                last_day=check_in - ONE_NIGHT,
            ),
            ReportOffer(
                Report.CANCELLATION,
                "Asks Booking.com to cancel the booking. It does so only if its conditions for that are met; until "
                "then the booking stands.",
            ),
        )
    )


def report(client: Client, external_id: str, wanted: Report) -> Sequence[str]:
    """Send a report; what Beds24 remarks on it. Raises `RefusedByChannel` with its reasons."""
    item = {"bookingId": id_number("bookingId", external_id), "action": ACTIONS[wanted]}
    try:
        (result,) = client.post_items(PATH, [item], idempotency_key=f"report:{uuid4()}")
    except AuthenticationFailed as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        raise RefusedByChannel(
            "The login of this property does not allow reports. Make an invite code with the scope 'write:channels' at "
            "Beds24 and connect the property again.",
            status=error.status,
            code=error.code,
        ) from error
    if not result.success:
        raise RefusedByChannel(
            f"Beds24 did not take the report: {result.reasons()}. Report it in Booking.com's extranet if it should "
            "have been taken.",
            status=HTTPStatus.CREATED,
        )
    return result.remarks()
