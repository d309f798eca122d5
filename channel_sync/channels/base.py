"""The protocol that every channel implements; nothing here or below imports a model or a Django setting."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from channel_sync.channels.canonical import (
    AccessToken,
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
    ObservedCall,
    RateRange,
    RateTerms,
    WriteResult,
)
from channel_sync.channels.reports import Report, Reportable
from channel_sync.channels.setup import Permissions, PropertySetup, WebhookTarget


class TokenStore(Protocol):
    """Where the tokens of one account are kept, shared by all workers."""

    def refresh_token(self) -> str:
        """The long-lived token that access tokens are fetched with."""

    def access_token(self) -> AccessToken | None:
        """The access token that is stored now, whoever fetched it."""

    def save_access_token(self, token: AccessToken) -> None:
        """Store a new access token for every worker."""

    def refreshing(self) -> AbstractContextManager[object]:
        """Lock under which one worker fetches a token while the others wait."""


@dataclass(frozen=True)
class NewAccount:
    """What an invite code is exchanged for."""

    external_id: str
    refresh_token: str = field(repr=False)
    access_token: AccessToken
    permissions: Permissions = field(default_factory=Permissions)


@dataclass(frozen=True)
class ChannelCredentials:
    """All that a channel needs to make calls for one account.

    `before_call` may raise `RateLimited` to keep a call from being made; `on_call` hears of every call that was.
    """

    tokens: TokenStore = field(repr=False)
    before_call: Callable[[], None] = lambda: None
    on_call: Callable[[ObservedCall], None] = lambda call: None
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class ExternalIdForm:
    """What an id of the channel looks like: a regular expression, and the same for people."""

    pattern: str
    told: str


class Channel(Protocol):
    """A channel manager or OTA.

    Calls raise `ChannelUnavailable`, `RateLimited`, `RefusedByChannel`, `AuthenticationFailed` or `LoginRefused`.
    Parsing raises `MalformedWebhook` or `InvalidPayload`, and needs no credentials.
    """

    name: str
    external_id_forms: Mapping[str, ExternalIdForm]
    """By mapping type: property, room_type, room, rate."""
    webhook_hint: str
    """What to set at the channel, for whoever sees webhooks that are none of those which are taken."""

    def __init__(self, credentials: ChannelCredentials) -> None:
        """Make a client for one account; opens no connection."""

    @classmethod
    def connect(cls, invite_code: str, options: Mapping[str, Any]) -> NewAccount:
        """Exchange an invite code, which works once, for the tokens of its account."""

    @classmethod
    def parse_webhook(cls, payload: Mapping[str, Any]) -> Notification:
        """What a webhook says, before anything is looked up."""

    @classmethod
    def as_sold(cls, plans: Mapping[str, RateTerms]) -> Mapping[str, RateTerms]:
        """The terms of rates on one night, by rate id, as the channel can hold them once it was sent all of them.

        Stays that are too short or too long for it are brought to its limits, and restrictions that several rates share
        there are combined: the strictest of those that are sold.
        """

    @classmethod
    def booking_within_limits(cls, push: BookingPush) -> BookingPush:
        """A reservation as the channel can hold it: what is too long for it is cut, what it does not take left out."""

    @classmethod
    def reports_of(cls, ota: str, check_in: date) -> Reportable:
        """What can be reported of a booking to the OTA that sold it, by the OTA's name in `Booking.ota`."""

    @classmethod
    def without_personal_data(cls, payload: Mapping[str, Any]) -> dict[str, Any]:
        """A stored payload with what tells nobody who the guest is; what a booking took and when is kept."""

    @classmethod
    def parse_booking(cls, payload: Mapping[str, Any]) -> Booking:
        """The canonical booking in a stored webhook payload."""

    @classmethod
    def parse_cancellation(cls, payload: Mapping[str, Any]) -> BookingCancellation:
        """The number of a cancelled booking in a stored payload, whatever is wrong with everything else in it."""

    @classmethod
    def claimed_nights(cls, payload: Mapping[str, Any]) -> ClaimedNights | None:
        """The room and nights in a stored payload as far as they can be read, whatever else is wrong with it.

        None for a booking that takes no room, such as a cancelled one. Raises nothing.
        """

    @classmethod
    def outline(cls, payload: Any) -> dict[str, str]:
        """Which booking a stored payload is about, for people: `ota`, `reference`, `arrival`, `departure`.

        What cannot be read is left out. Raises nothing, whatever the payload is, and names no guest.
        """

    @classmethod
    def cancellation_advice(cls, ota: str) -> str:
        """What a hotel has to do at an OTA, in the channel's name for it, whose booking it has cancelled itself.

        Blank where no OTA stands behind the booking.
        """

    @classmethod
    def is_reachable(cls, options: Mapping[str, Any], *, timeout: float) -> bool:
        """Whether the channel answers at all, within seconds; asked without a login, it costs no credits."""

    def ping(self) -> None:
        """Ask whether the channel answers and takes the login, with a call that changes nothing."""

    def properties(self) -> Sequence[ChannelPropertyDetails]:
        """The properties of the account with their rooms."""

    def setup_of(self, external_property_id: str) -> PropertySetup | None:
        """How a property is set up; None when the account does not have it."""

    def set_webhook(self, external_property_id: str, target: WebhookTarget) -> None:
        """Have the webhooks of a property sent to the target too, whole and without data of cards.

        What is set for others stays. Whether it was taken, `setup_of` says.
        """

    def bookings_in_one_call(self, writes: Sequence[BookingWrite]) -> int:
        """How many of these bookings, from the first, one call can carry; at least one."""

    def write_bookings(self, writes: Sequence[BookingWrite], *, idempotency_key: str) -> Sequence[WriteResult]:
        """Create, update and cancel bookings in one call; one result per write, in their order.

        A booking that is created carries its key, so that it can be found again. Cancelling twice is the same as once.
        New bookings that name one `group` become a group, and those with a `leader` join its group; of groups without a
        leader a call holds one at most. A booking is made even where its group cannot be.
        """

    def report(self, external_id: str, report: Report) -> Sequence[str]:
        """Report a booking to its OTA, which cannot be taken back; the channel's remarks.

        Raises `RefusedByChannel` with the channel's reasons.
        """

    def find_bookings(
        self, external_property_id: str, idempotency_keys: Collection[str], *, created_from: datetime
    ) -> Mapping[str, str]:
        """Key -> booking id, for the bookings created since a time under one of the keys."""

    def booking(self, external_id: str) -> Booking | BookingCancellation | None:
        """One booking as it is now; None when the channel does not have it.

        Raises `InvalidPayload` for one that cannot be read, unless it is cancelled.
        """

    def changed_bookings(self, external_property_id: str, *, modified_from: datetime) -> Iterator[BookingNotification]:
        """Bookings of every status changed since a time, page by page, each as its webhook would tell it."""

    def arriving_bookings(self, external_property_id: str, first: date, last: date, *, page: int) -> BookingPage:
        """One page, from 1, of the bookings of every status that arrive from the first to the last day."""

    def bookings_departing_from(self, external_property_id: str, first: date, *, page: int) -> BookingPage:
        """One page, from 1, of the bookings of every status that depart on the first day or later, however far away."""

    def bookings(self, external_ids: Collection[str]) -> Mapping[str, BookingNotification]:
        """Bookings as they are now, by id; one call for up to a page of them. What is not there is left out."""

    def push_availability(self, ranges: Sequence[AvailabilityRange], *, idempotency_key: str) -> Sequence[str]:
        """Set the number of free units of rooms and nights, in as few calls as the channel allows; its warnings."""

    def push_rates(self, ranges: Sequence[RateRange], *, idempotency_key: str) -> Sequence[str]:
        """Set prices and restrictions of rates and nights, in as few calls as the channel allows; its warnings.

        A price that was `sent` and is None now is deleted; any other that is None leaves what the channel has.
        """

    def rates(self, external_rate_ids: Sequence[str], first: date, last: date) -> Sequence[RateRange]:
        """Prices and restrictions as the channel has them; nights without a price are left out."""

    def availability(
        self, external_room_ids: Sequence[str], first: date, last: date, *, only_readable: bool = False
    ) -> Sequence[AvailabilityRange]:
        """Free units of the rooms as the channel has them, from the first to the last night.

        Raises `InvalidPayload` for a room that cannot be read; with `only_readable` it is left out.
        """

    def unpriced_nights(
        self, external_room_ids: Sequence[str], first: date, last: date
    ) -> Collection[tuple[str, date]]:
        """Room and night for the nights of the rooms on which the channel offers nothing as no price is set."""

    def closed_nights(self, external_room_ids: Sequence[str], first: date, last: date) -> Collection[tuple[str, date]]:
        """Room and night for the nights of the rooms that are closed at the channel, by us or by hand."""
