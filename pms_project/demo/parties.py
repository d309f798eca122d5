"""The two sides of the demo, each through its own HTTP API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import requests

from channel_sync.channels.ranges import ONE_NIGHT, nights

TIMEOUT_SECONDS = 20


class PmsApi:
    """The PMS, as its front desk uses it."""

    def __init__(self, address: str, username: str, password: str) -> None:
        self.address = address
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = (username, password)

    def reserve(self, **wanted: Any) -> dict[str, Any]:
        """Make a reservation."""
        return self._call("POST", "/api/reservations/", json=wanted)

    def reservation(self, reservation_id: str) -> dict[str, Any]:
        """A reservation as it is."""
        return self._call("GET", f"/api/reservations/{reservation_id}/")

    def change(self, reservation_id: str, version: int | None = None, **changes: Any) -> dict[str, Any]:
        """Change a reservation that was read at a version, or whichever it has."""
        based_on = "*" if version is None else f'"{version}"'
        return self._call("PATCH", f"/api/reservations/{reservation_id}/", json=changes, headers={"If-Match": based_on})

    def cancel(self, reservation_id: str) -> dict[str, Any]:
        """Cancel a reservation, whatever is left to be done at an OTA."""
        return self._call("POST", f"/api/reservations/{reservation_id}/cancel/", json={"confirm": True})

    def of_ota(self, reference: str) -> list[dict[str, Any]]:
        """Reservations that carry an OTA's booking number."""
        found: list[dict[str, Any]] = self._call("GET", "/api/reservations/", params={"channel_reference": reference})[
            "results"
        ]
        return found

    def set_rates(self, changes: Sequence[Mapping[str, Any]]) -> None:
        """Set rates and restrictions of ranges of nights, all together."""
        self._call("POST", "/api/rates/", json=list(changes))

    def take_out_of_order(self, room_type: str, start: date, end: date) -> str:
        """Block the first room of a type; the id of the block."""
        room = self._call("GET", "/api/rooms/", params={"room_type": room_type})["results"][0]
        block = {"room": room["id"], "start": str(start), "end": str(end), "reason": "painting"}
        return str(self._call("POST", "/api/maintenance-blocks/", json=block)["id"])

    def availability(self, room_type: str, start: date, end: date) -> dict[str, int]:
        """Free rooms by night."""
        return self._call(
            "GET", f"/api/room-types/{room_type}/availability/", params={"start": str(start), "end": str(end)}
        )

    def _call(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        answer = self._session.request(method, self.address + path, timeout=TIMEOUT_SECONDS, **content)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body


class SimulatedBeds24:
    """Beds24, as an OTA, a hotelier and a tester use the simulator."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._session = requests.Session()
        self._session.trust_env = False

    def set_webhook(self, property_id: str, url: str, headers: Mapping[str, str], **settings: str) -> None:
        """Enter the webhook of a property."""
        wanted = {"url": url, "headers": dict(headers), **settings}
        self._call("PUT", f"/properties/{property_id}/webhook", json=wanted)

    def set_scopes(self, owner_id: int, scopes: Sequence[str]) -> None:
        """Let the tokens of an account do this and no more."""
        self._call("PUT", f"/accounts/{owner_id}", json={"scopes": list(scopes)})

    def book(self, **wanted: Any) -> dict[str, Any]:
        """Book as an OTA."""
        return self._call("POST", "/bookings", json=wanted)

    def change(self, booking_id: int, **changes: Any) -> dict[str, Any]:
        """Change a booking as an OTA."""
        return self._call("PATCH", f"/bookings/{booking_id}", json=changes)

    def write_as_guest(self, booking_id: int, message: str) -> dict[str, Any]:
        """Write to the hotel as the guest of a booking."""
        return self._call("POST", f"/bookings/{booking_id}/messages", json={"message": message})

    def bookings(self) -> list[dict[str, Any]]:
        """All bookings."""
        found: list[dict[str, Any]] = self.state()["bookings"]
        return found

    def state(self) -> dict[str, Any]:
        """Everything that the simulator shows of itself."""
        return self._call("GET", "/state")

    def calls(self) -> list[dict[str, Any]]:
        """The calls that reached the API."""
        found: list[dict[str, Any]] = self._call("GET", "/calls")["calls"]
        return found

    def forget_calls(self) -> None:
        """Start counting calls anew."""
        self._call("DELETE", "/calls")

    def behave(self, **behaviour: Any) -> None:
        """Deliver webhooks this way from now on: `delay_seconds`, `copies`, `reorder_seconds`."""
        self._call("PUT", "/webhooks", json=behaviour)

    def fail_next(self, **fault: Any) -> None:
        """Switch a fault on."""
        self._call("POST", "/faults", json=fault)

    def clear_faults(self) -> None:
        """Switch all faults off."""
        self._call("DELETE", "/faults")

    def availability(self, room_id: str, start: date, end: date) -> dict[str, int]:
        """`numAvail` by night, from `start` up to but without `end`."""
        window = {"startDate": str(start), "endDate": str(end - ONE_NIGHT)}
        ranges = self._call("GET", f"/rooms/{room_id}/calendar", params=window)["calendar"]
        return {
            str(night): int(span["numAvail"])
            for span in ranges
            for night in nights(date.fromisoformat(span["from"]), date.fromisoformat(span["to"]))
        }

    def set_availability(self, room_id: str, night: date, units: int) -> None:
        """Set `numAvail` of a night by hand, as a person at Beds24 would."""
        self.set_calendar(room_id, night, night, numAvail=units)

    def set_calendar(self, room_id: str, first: date, last: date, **values: Any) -> None:
        """Set fields of the calendar by hand for nights up to and with `last`."""
        self._call("PATCH", f"/rooms/{room_id}", json={"from": str(first), "to": str(last), **values})

    def _call(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        answer = self._session.request(method, f"{self.address}/simulator{path}", timeout=TIMEOUT_SECONDS, **content)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body
