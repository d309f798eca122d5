"""`POST /channels/booking` of the simulator: what a host reports to Booking.com of one of its bookings.

A report is kept, and shown by `GET /simulator/state`. What Booking.com makes of it, such as a cancellation, is up to
whoever plays Booking.com.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from channel_sync.channels.beds24.simulator.answers import refused
from channel_sync.channels.beds24.simulator.state import Account, Json, State, utc_now

INVALID_CARD, NO_SHOW, CANCEL = "reportInvalidCard", "reportNoShow", "reportCancel"
TAKEN = ("bookingId", "action")
BOOKING_COM = "booking"
DAYS_FOR_A_NO_SHOW = 2


def report(state: State, account: Account, items: list[Any]) -> list[Json]:
    """Judge each report by itself."""
    return [_report_one(state, account, item) for item in items]


def _report_one(state: State, account: Account, item: Any) -> Json:
    if not isinstance(item, dict):
        return refused("", "", "item is not an object")
    action, number = item.get("action"), item.get("bookingId")
    if action not in (INVALID_CARD, NO_SHOW, CANCEL):
        return {"success": False, "warnings": [{"field": "action", "message": "Invalid"}]}
    booking = state.bookings.get(number) if isinstance(number, int) else None
    if booking is None or booking["roomId"] not in state.owned_rooms(account):
        return refused(action, "bookingId", "booking not found")
    problem = _problem(action, booking)
    if problem:
        return refused(action, "bookingId", problem)
    state.reports.append({"time": utc_now(), "bookingId": booking["id"], "action": action})
    answer: Json = {"success": True, "info": [{"action": action, "id": booking["id"], "message": "reported"}]}
    unknown = [name for name in item if name not in TAKEN]
    if unknown:
        answer["warnings"] = [{"action": action, "field": name, "message": "unknown field"} for name in unknown]
    return answer


def _problem(action: str, booking: Json) -> str | None:
    """Why a report cannot be made, as documented for each; days are those of this machine."""
    if booking["channel"] != BOOKING_COM:
        return "is no booking of Booking.com"
    today, arrival = date.today(), date.fromisoformat(booking["arrival"])
    if action == INVALID_CARD and today >= arrival:
        return "only before check in"
    if action == NO_SHOW and not arrival <= today <= arrival + timedelta(days=DAYS_FOR_A_NO_SHOW):
        return "only from check in for 2 days"
    return None
