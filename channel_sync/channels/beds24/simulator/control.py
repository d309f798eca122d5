"""`/simulator/…`: what an OTA, a hotelier at Beds24, or a tester does to the simulated Beds24."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.datastructures import MultiDict
from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from channel_sync.channels.beds24.simulator import booking_writes, inventory, messages, scopes
from channel_sync.channels.beds24.simulator.answers import ApiError, as_json
from channel_sync.channels.beds24.simulator.faults import Faults, WebhookBehaviour
from channel_sync.channels.beds24.simulator.state import DEFAULT_SEED, Json, State, utc_now
from channel_sync.channels.beds24.simulator.webhook_payloads import Change, change_between, story_of
from channel_sync.channels.beds24.simulator.webhook_settings import (
    BODIES,
    FIELDS,
    Form,
    Version,
    WebhookSettings,
    invalid_fields,
)
from channel_sync.channels.beds24.simulator.webhooks import WebhookSender

BOOKING_COM = 19


class Control:
    """The controls of one simulator."""

    def __init__(self, state: State, faults: Faults, sender: WebhookSender) -> None:
        self._state = state
        self._faults = faults
        self._sender = sender

    def rules(self) -> list[Rule]:
        """Where the controls are."""
        routes: list[tuple[str, str, Callable[..., Json]]] = [
            ("POST", "/reset", self.reset),
            ("GET", "/state", self.show),
            ("GET", "/calls", self.calls),
            ("DELETE", "/calls", self.forget_calls),
            ("POST", "/bookings", self.book),
            ("PATCH", "/bookings/<int:booking_id>", self.change),
            ("DELETE", "/bookings/<int:booking_id>", self.remove),
            ("POST", "/bookings/<int:booking_id>/messages", self.write_as_guest),
            ("PATCH", "/rooms/<int:room_id>", self.touch_room),
            ("GET", "/rooms/<int:room_id>/calendar", self.room_calendar),
            ("PUT", "/properties/<int:property_id>/webhook", self.set_webhook),
            ("PUT", "/accounts/<int:owner_id>", self.set_scopes),
            ("PUT", "/webhooks", self.set_webhook_behaviour),
            ("POST", "/faults", self.add_fault),
            ("DELETE", "/faults", self.clear_faults),
        ]
        return [
            Rule(f"/simulator{path}", methods=[method], endpoint=_as_endpoint(function))
            for method, path, function in routes
        ]

    def reset(self, request: Request) -> Json:
        """`POST /simulator/reset` with a seed, or without one for the default."""
        self._faults.clear()
        self._state.seed(request.get_json(silent=True) or DEFAULT_SEED)
        return {"reset": True}

    def show(self, request: Request) -> Json:
        """`GET /simulator/state`."""
        with self._state.lock:
            return {
                "properties": [{"id": found.id, "name": found.name} for found in self._state.properties.values()],
                "rooms": [
                    {"id": room.id, "propertyId": room.property_id, "name": room.name, "qty": room.qty}
                    for room in self._state.rooms.values()
                ],
                "bookings": list(self._state.bookings.values()),
                "reports": list(self._state.reports),
                "faults": self._faults.described(),
                "webhooks_pending": self._sender.pending(),
                "webhooks_given_up": self._sender.given_up,
                "credits_used": {str(a.owner_id): a.credits_used for a in self._state.accounts.values()},
                "most_credits_used": max((a.most_credits_used for a in self._state.accounts.values()), default=0),
                "calls_over_the_limit": sum(a.calls_over_the_limit for a in self._state.accounts.values()),
                "most_calls_at_once": max((a.most_calls_at_once for a in self._state.accounts.values()), default=0),
            }

    def calls(self, request: Request) -> Json:
        """`GET /simulator/calls`: every call to the API, with its body."""
        with self._state.lock:
            return {"calls": list(self._state.calls)}

    def forget_calls(self, request: Request) -> Json:
        """`DELETE /simulator/calls`."""
        with self._state.lock:
            self._state.calls.clear()
        return {"calls": []}

    def book(self, request: Request) -> Json:
        """`POST /simulator/bookings`: an OTA, or a person at Beds24, makes a booking; its webhook is sent."""
        wanted = _body(request)
        with self._state.lock:
            booking = booking_writes.new_booking(self._state) | {
                "channel": "booking",
                "apiSource": "Booking.com",
                "apiSourceId": BOOKING_COM,
                "referer": "Booking.com",
                "status": "new",
            }
            booking["apiReference"] = f"BDC-{booking['id']}"
            # As measured: it is stored, and changed by its import a second later.
            booking["bookingTime"] = utc_now(seconds_ago=1)
            return self._save(booking, wanted)

    def change(self, request: Request, booking_id: int) -> Json:
        """`PATCH /simulator/bookings/<id>`: changed, or cancelled with `status`, at the channel."""
        with self._state.lock:
            return self._save(self._known(booking_id), _body(request))

    def remove(self, request: Request, booking_id: int) -> Json:
        """`DELETE /simulator/bookings/<id>`: gone at Beds24, which sends no webhook for it."""
        with self._state.lock:
            self._known(booking_id)
            return self._state.forget_booking(booking_id)

    def write_as_guest(self, request: Request, booking_id: int) -> Json:
        """`POST /simulator/bookings/<id>/messages` with `message`: a guest writes at the OTA; a webhook is sent."""
        text = _body(request).get("message")
        if not isinstance(text, str) or not text:
            raise ApiError(400, 400, "message has to be a text")
        with self._state.lock:
            booking = self._known(booking_id)
            message = messages.add(self._state, booking, message=text, source="guest")
            self._tell(booking, Change.MESSAGE)
            return message

    def set_webhook(self, request: Request, property_id: int) -> Json:
        """`PUT /simulator/properties/<id>/webhook` with `url`, `headers`, `signing_secret`, `form` and the settings.

        Unlike through the API, the version is `twoWithPersonalData` where none is given. The `form` of a JSON body is
        `object`, `array` (of one) or `fields` (form-encoded): reports of what Beds24 sends differ.
        """
        wanted = _body(request)
        headers, secret = wanted.pop("headers", {}), wanted.pop("signing_secret", "")
        form = wanted.pop("form", Form.OBJECT)
        if form not in BODIES:
            raise ApiError(400, 400, f"not a form: {form}")
        changes = {"version": Version.TWO_WITH_PERSONAL_DATA, "customHeader": _as_lines(headers), **wanted}
        wrong = [name for name in changes if name not in FIELDS] + invalid_fields(changes)
        if wrong:
            raise ApiError(400, 400, f"not a webhook setting: {', '.join(wrong)}")
        with self._state.lock:
            if property_id not in self._state.properties:
                raise ApiError(404, 404, "property not found")
            self._state.properties[property_id].webhook = WebhookSettings(
                signing_secret=secret, form=Form(form)
            ).changed(changes)
        return {"webhook": True}

    def set_scopes(self, request: Request, owner_id: int) -> Json:
        """`PUT /simulator/accounts/<id>` with `scopes`: what the tokens of the account may do from now on."""
        wanted = _body(request).get("scopes")
        unknown = scopes.unknown(wanted)
        if unknown:
            raise ApiError(400, 400, f"not a scope: {', '.join(unknown)}")
        with self._state.lock:
            if owner_id not in self._state.accounts:
                raise ApiError(404, 404, "account not found")
            self._state.accounts[owner_id].scopes = list(wanted or [])
        return {"scopes": wanted}

    def touch_room(self, request: Request, room_id: int) -> Json:
        """`PATCH /simulator/rooms/<id>`: a person sets `numAvail` of `from` to `to` at Beds24; SYNC_ROOM is sent."""
        day = _body(request)
        with self._state.lock:
            room = self._state.rooms.get(room_id)
            if room is None:
                raise ApiError(404, 404, "room not found")
            account = self._state.accounts[self._state.properties[room.property_id].owner_id]
            items = [{"roomId": room_id, "calendar": [day]}]
            (answer,) = inventory.write_calendar(self._state, account, items)
            self._sender.inventory_changed(self._state.properties[room.property_id], room_id)
            return answer

    def room_calendar(self, request: Request, room_id: int) -> Json:
        """`GET /simulator/rooms/<id>/calendar`: `numAvail` by night, free of credits and not in the log of calls."""
        with self._state.lock:
            room = self._state.rooms.get(room_id)
            if room is None:
                raise ApiError(404, 404, "room not found")
            account = self._state.accounts[self._state.properties[room.property_id].owner_id]
            query = MultiDict([*request.args.items(), ("roomId", str(room_id)), ("includeNumAvail", "true")])
            return inventory.calendar(self._state, account, query)[0]

    def set_webhook_behaviour(self, request: Request) -> Json:
        """`PUT /simulator/webhooks` with `delay_seconds`, `copies`, `reorder_seconds`."""
        try:
            self._faults.webhooks = WebhookBehaviour(**_body(request))
        except TypeError as error:
            raise ApiError(400, 400, str(error)) from None
        return {"webhooks": True}

    def add_fault(self, request: Request) -> Json:
        """`POST /simulator/faults` with `kind`: status, slow, drop_before or drop_after."""
        try:
            self._faults.add(_body(request))
        except (KeyError, TypeError, ValueError) as error:
            raise ApiError(400, 400, f"not a fault: {error}") from None
        return {"faults": self._faults.described()}

    def clear_faults(self, request: Request) -> Json:
        """`DELETE /simulator/faults`."""
        self._faults.clear()
        return {"faults": []}

    def _save(self, booking: Json, changes: Json) -> Json:
        before = self._state.bookings.get(booking["id"])
        problem = booking_writes.problem_of({**booking, **changes}, self._state.rooms)
        if problem:
            raise ApiError(400, 400, f"{problem[0]}: {problem[1]}")
        if changes.get("status") == "cancelled" and not booking.get("cancelTime"):
            # Only a cancellation at the channel has a time: one through the API leaves it null.
            changes = {"cancelTime": utc_now(), **changes}
        stored = booking_writes.save(self._state, booking, changes)
        if before != stored:
            self._tell(stored, change_between(before, stored))
        return stored

    def _tell(self, booking: Json, change: Change) -> None:
        owner = self._state.properties[booking["propertyId"]]
        self._sender.booking_changed(owner, story_of(self._state, booking), change)

    def _known(self, booking_id: int) -> Json:
        if booking_id not in self._state.bookings:
            raise ApiError(404, 404, "booking not found")
        return self._state.bookings[booking_id]


def _as_endpoint(function: Callable[..., Json]) -> Callable[..., Response]:
    return lambda request, **values: as_json(function(request, **values))


def _as_lines(headers: dict[str, str]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers.items())


def _body(request: Request) -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise ApiError(400, 400, "The body has to be a JSON object")
    return body
