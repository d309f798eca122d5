"""Beds24 as a channel: implements `channels.base.Channel` over the client."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from channel_sync.channels.base import ChannelCredentials, ExternalIdForm, NewAccount
from channel_sync.channels.beds24 import reports
from channel_sync.channels.beds24.auth import Authenticator, exchange_invite_code, owner_of, token_details
from channel_sync.channels.beds24.booking_items import has_lost_its_leader, write_item, write_result
from channel_sync.channels.beds24.booking_limits import booking_within_limits
from channel_sync.channels.beds24.calendar_calls import CalendarCalls
from channel_sync.channels.beds24.cancellation_advice import cancellation_advice
from channel_sync.channels.beds24.client import Client
from channel_sync.channels.beds24.left_out import readable
from channel_sync.channels.beds24.listed import keys_of, listed, property_details, state_of
from channel_sync.channels.beds24.normalization import (
    claimed_nights,
    normalize_booking_event,
    normalize_cancellation,
)
from channel_sync.channels.beds24.outline import outline
from channel_sync.channels.beds24.personal_data import without_personal_data
from channel_sync.channels.beds24.post_limits import items_in_one_call
from channel_sync.channels.beds24.property_setup import permissions, read_setup, webhook_item
from channel_sync.channels.beds24.room_terms import as_sold
from channel_sync.channels.beds24.transport import Beds24Options, Transport, is_reachable
from channel_sync.channels.beds24.webhook import parse_webhook
from channel_sync.channels.beds24.wire import ALL_STATUSES, WireItemResult
from channel_sync.channels.canonical import (
    AvailabilityRange,
    Booking,
    BookingCancellation,
    BookingNotification,
    BookingPage,
    BookingPush,
    BookingWrite,
    ChannelPropertyDetails,
    ClaimedNights,
    Notification,
    RateRange,
    RateTerms,
    WriteResult,
)
from channel_sync.channels.reports import Report, Reportable
from channel_sync.channels.setup import PropertySetup, WebhookTarget

PROPERTIES = "/properties"


class Beds24Channel:
    """One account at Beds24."""

    name = "beds24"
    external_id_forms = {
        "property": ExternalIdForm(r"[1-9]\d{0,11}", "propertyId, such as 1001"),
        "room_type": ExternalIdForm(r"[1-9]\d{0,11}", "roomId, such as 2001"),
        "room": ExternalIdForm(r"[1-9]\d{0,11}:[1-9]\d{0,3}", "roomId:unitId, such as 2001:3"),
        "rate": ExternalIdForm(r"[1-9]\d{0,11}:([1-9]|1[0-6])", "roomId:price slot from 1 to 16, such as 2001:1"),
    }

    webhook_hint = (
        "At Beds24, set the version of the property's booking webhook to '2 with personal data': version 1 is a GET "
        "that says nothing but a number."
    )

    def __init__(self, credentials: ChannelCredentials) -> None:
        transport = Transport(
            Beds24Options.model_validate(credentials.options),
            before_call=credentials.before_call,
            on_call=credentials.on_call,
        )
        self._client = Client(transport, Authenticator(transport, credentials.tokens))
        self._calendar = CalendarCalls(self._client)

    @classmethod
    def connect(cls, invite_code: str, options: Mapping[str, Any]) -> NewAccount:
        """Exchange an invite code for the tokens of its account."""
        transport = Transport(Beds24Options.model_validate(options))
        refresh_token, access_token = exchange_invite_code(transport, invite_code)
        details = token_details(transport, access_token.token)
        return NewAccount(owner_of(details), refresh_token, access_token, permissions(details))

    @classmethod
    def parse_webhook(cls, payload: Mapping[str, Any]) -> Notification:
        """What a webhook says."""
        return parse_webhook(payload)

    @classmethod
    def parse_booking(cls, payload: Mapping[str, Any]) -> Booking:
        """The booking in a webhook payload."""
        return normalize_booking_event(payload)

    @classmethod
    def parse_cancellation(cls, payload: Mapping[str, Any]) -> BookingCancellation:
        """The number of a cancelled booking."""
        return normalize_cancellation(payload)

    @classmethod
    def claimed_nights(cls, payload: Mapping[str, Any]) -> ClaimedNights | None:
        """The room and nights of a booking, as far as they can be read."""
        return claimed_nights(payload)

    @classmethod
    def as_sold(cls, plans: Mapping[str, RateTerms]) -> Mapping[str, RateTerms]:
        """Minimum stays of 1 to 365 nights, maximum stays of 1 to 364; restrictions once per room."""
        return as_sold(plans)

    @classmethod
    def booking_within_limits(cls, push: BookingPush) -> BookingPush:
        """Names of 100 characters, notes of 2,000, 99 adults and children."""
        return booking_within_limits(push)

    @classmethod
    def cancellation_advice(cls, ota: str) -> str:
        """What is left to do at the OTA."""
        return cancellation_advice(ota)

    @classmethod
    def outline(cls, payload: Any) -> dict[str, str]:
        """OTA, reference, arrival and departure, where they can be read."""
        return outline(payload)

    @classmethod
    def without_personal_data(cls, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Only the fields that are known to name nobody."""
        return without_personal_data(payload)

    @classmethod
    def reports_of(cls, ota: str, check_in: date) -> Reportable:
        """Booking.com alone takes reports through Beds24."""
        return reports.reports_of(ota, check_in)

    @classmethod
    def is_reachable(cls, options: Mapping[str, Any], *, timeout: float) -> bool:
        """`GET /authentication/details` without a token: any answer but a redirect or a server error will do."""
        return is_reachable(Beds24Options.model_validate(options), timeout=timeout)

    def ping(self) -> None:
        """`GET /authentication/details`; a token that is not valid is replaced once."""
        self._client.require_login()

    def properties(self) -> Sequence[ChannelPropertyDetails]:
        """Properties with their rooms and the names of their price slots."""
        found = self._client.get_pages(PROPERTIES, {"includeAllRooms": "true", "includePriceRules": "true"})
        return list(readable(found, property_details, "property"))

    def setup_of(self, external_property_id: str) -> PropertySetup | None:
        """`GET /properties` of one."""
        found = readable(self._client.get_pages(PROPERTIES, {"id": external_property_id}), read_setup, "property")
        return next((setup for setup in found if setup.external_id == external_property_id), None)

    def set_webhook(self, external_property_id: str, target: WebhookTarget) -> None:
        """`POST /properties`: version 2 with personal data and no data of cards; other addresses stay."""
        now = self.setup_of(external_property_id)
        if now is not None:
            item = webhook_item(external_property_id, now.webhook, target)
            self._client.post_all(PROPERTIES, [item], idempotency_key=f"webhook:{uuid4()}")

    def bookings_in_one_call(self, writes: Sequence[BookingWrite]) -> int:
        """As many as fit into about 1 MB."""
        return items_in_one_call([write_item(write) for write in writes])

    def write_bookings(self, writes: Sequence[BookingWrite], *, idempotency_key: str) -> Sequence[WriteResult]:
        """One POST, and another for bookings that are refused for their group: they are booked without it.

        Raises `ChannelUnavailable` when a created booking's id is missing: it is looked up by its key.
        """
        results = self._post(writes, idempotency_key)
        alone = [n for n, write in enumerate(writes) if has_lost_its_leader(write, results[n])]
        if alone:
            without = [replace(writes[n], group="", leader=None) for n in alone]
            for n, result in zip(alone, self._post(without, f"{idempotency_key}:ungrouped"), strict=True):
                results[n] = result
        return [write_result(write, result) for write, result in zip(writes, results, strict=True)]

    def _post(self, writes: Sequence[BookingWrite], idempotency_key: str) -> list[WireItemResult]:
        items = [write_item(write) for write in writes]
        return self._client.post_items("/bookings", items, idempotency_key=idempotency_key)

    def report(self, external_id: str, report: Report) -> Sequence[str]:
        """`POST /channels/booking`."""
        return reports.report(self._client, external_id, report)

    def find_bookings(
        self, external_property_id: str, idempotency_keys: Collection[str], *, created_from: datetime
    ) -> Mapping[str, str]:
        """Look for the keys among the bookings created since, of every status, whatever became of their dates."""
        candidates = self._client.get_pages(
            "/bookings",
            {
                "propertyId": external_property_id,
                "bookingTimeFrom": _utc(created_from),
                "status": list(ALL_STATUSES),
                "includeInfoItems": "true",
            },
        )
        return {
            key: external_id
            for external_id, keys in readable(candidates, keys_of, "booking")
            for key in keys
            if key in idempotency_keys
        }

    def booking(self, external_id: str) -> Booking | BookingCancellation | None:
        """One booking as it is now, of whatever status; a cancelled one need not be readable."""
        query = {"id": external_id, "status": list(ALL_STATUSES), "includeInfoItems": "true"}
        for item in self._client.get_pages("/bookings", query):
            if isinstance(item, Mapping) and str(item.get("id")) == external_id:
                return state_of(item)
        return None

    def changed_bookings(self, external_property_id: str, *, modified_from: datetime) -> Iterator[BookingNotification]:
        """Without `status` Beds24 leaves out the cancelled ones: all are asked for."""
        pages = self._client.get_pages(
            "/bookings",
            {
                "propertyId": external_property_id,
                "modifiedFrom": _utc(modified_from),
                "status": list(ALL_STATUSES),
                "includeInfoItems": "true",
            },
        )
        return listed(pages)

    def arriving_bookings(self, external_property_id: str, first: date, last: date, *, page: int) -> BookingPage:
        """One page of what arrives in a window."""
        return self._page_of_bookings(external_property_id, page, arrivalFrom=str(first), arrivalTo=str(last))

    def bookings_departing_from(self, external_property_id: str, first: date, *, page: int) -> BookingPage:
        """One page of who is in house on the eve of a day, and of everybody who comes later."""
        return self._page_of_bookings(external_property_id, page, departureFrom=str(first))

    def _page_of_bookings(self, external_property_id: str, page: int, **dates: str) -> BookingPage:
        query = {
            "propertyId": external_property_id,
            "status": list(ALL_STATUSES),
            "includeInfoItems": "true",
            **dates,
        }
        content = self._client.get_page("/bookings", query, page)
        return BookingPage(tuple(listed(content.data)), content.has_next)

    def bookings(self, external_ids: Collection[str]) -> Mapping[str, BookingNotification]:
        """Bookings by their ids, of every status."""
        query = {"id": sorted(external_ids), "status": list(ALL_STATUSES), "includeInfoItems": "true"}
        found = listed(self._client.get_pages("/bookings", query))
        return {notification.external_id: notification for notification in found}

    def push_availability(self, ranges: Sequence[AvailabilityRange], *, idempotency_key: str) -> Sequence[str]:
        """Set `numAvail`."""
        return self._calendar.push_availability(ranges, idempotency_key)

    def push_rates(self, ranges: Sequence[RateRange], *, idempotency_key: str) -> Sequence[str]:
        """Set prices and restrictions."""
        return self._calendar.push_rates(ranges, idempotency_key)

    def availability(
        self, external_room_ids: Sequence[str], first: date, last: date, *, only_readable: bool = False
    ) -> Sequence[AvailabilityRange]:
        """`numAvail` of the rooms."""
        return self._calendar.availability(external_room_ids, first, last, only_readable=only_readable)

    def unpriced_nights(
        self, external_room_ids: Sequence[str], first: date, last: date
    ) -> Collection[tuple[str, date]]:
        """Nights without a price in any slot of the calendar."""
        return self._calendar.unpriced_nights(external_room_ids, first, last)

    def closed_nights(self, external_room_ids: Sequence[str], first: date, last: date) -> Collection[tuple[str, date]]:
        """Nights with the override `blackout`."""
        return self._calendar.closed_nights(external_room_ids, first, last)

    def rates(self, external_rate_ids: Sequence[str], first: date, last: date) -> Sequence[RateRange]:
        """Prices and restrictions of price slots (`<roomId>:<slot>`)."""
        return self._calendar.rates(external_rate_ids, first, last)


def _utc(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
