"""Every error that channel_sync raises.

Three branches decide what happens to an event: `Retryable` is tried again, `RateLimited` is put off,
`Fatal` goes to the dead letters at once. `WebhookRejected` never becomes an event.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import ClassVar


class ChannelSyncError(Exception):
    """Base of every error raised by channel_sync."""


class CaptureNotInstalled(ChannelSyncError):
    """The triggers that capture writes could not be made or changed; the message says what to do."""


class WaitsFor(StrEnum):
    """What an event waits for that is put off: whether it is its own turn, or somebody has to do something."""

    TURN = ""
    CHANNEL = "channel"
    CREDITS = "credits"
    PAUSE = "pause"
    PARITY = "parity"
    LOGIN = "login"
    EVENT = "event"
    BOOKING = "booking"


class Retryable(ChannelSyncError):
    """The work may succeed later: a time-out, a server error, a lost connection."""

    waits_for: WaitsFor = WaitsFor.TURN


class ChannelUnavailable(Retryable):
    """The channel did not answer, or answered with a server error."""

    waits_for = WaitsFor.CHANNEL

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class RateLimited(Retryable):
    """The channel or our own budget says: not now.

    `retry_after` is the time until the window resets, where the channel told it.
    """

    waits_for = WaitsFor.CREDITS

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotYet(Retryable):
    """Something has to be before this event can be worked; it is put off and no attempt is counted."""

    def __init__(self, message: str, *, retry_after: timedelta, waits_for: WaitsFor = WaitsFor.TURN) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.waits_for = waits_for


class WorkerVanished(Retryable):
    """The lease of a claim is over and nobody renewed it: its process died, or hangs."""

    def __init__(self, attempt: int) -> None:
        super().__init__(f"The worker that held the event vanished during attempt {attempt}.")


class SecretUnreadable(NotYet):
    """A stored token or webhook secret that the keys of the settings do not decrypt; what needs it waits."""

    def __init__(self, column: str) -> None:
        super().__init__(
            f"{column} cannot be decrypted: it was encrypted with another SECRET_KEY or SALT_KEY. Put the old SALT_KEY "
            "behind the new one, an old SECRET_KEY into SECRET_KEY_FALLBACKS, or connect the property again.",
            retry_after=timedelta(minutes=5),
            waits_for=WaitsFor.LOGIN,
        )


class Fatal(ChannelSyncError):
    """Trying again cannot help until somebody changes the data or the mapping."""


class InvalidPayload(Fatal):
    """A payload does not have the shape that the channel documents; `field` names the culprit."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(
            f"Field '{field}': {problem}. Correct it at the channel, which sends it anew; then ignore this event."
        )
        self.field = field
        self.problem = problem


class UnmappedRoom(Fatal):
    """A booking names a channel room that no active mapping ties to a room type."""

    def __init__(self, external_room_id: str, channel_property: str) -> None:
        super().__init__(
            f"Room '{external_room_id}' of channel property '{channel_property}' is not mapped to a room type. "
            "Add a 'room_type' mapping for it; the event is then retried by itself."
        )
        self.external_room_id = external_room_id


class UnmappedRoomType(Fatal):
    """A reservation or its nights belong to a room type that is not mapped to a channel room."""

    def __init__(self, room_type_id: object, channel_property: str) -> None:
        super().__init__(
            f"Room type '{room_type_id}' is not mapped to a room of channel property '{channel_property}'. "
            "Add a 'room_type' mapping for it; the event is then retried by itself."
        )


class ComparisonFailed(Fatal):
    """Something went wrong while a booking was compared with its reservation; only the kind of error is kept."""

    def __init__(self, external_id: str, error: Exception) -> None:
        super().__init__(
            f"Booking {external_id} could not be compared: {type(error).__name__}. The log of the worker has the "
            "details. Fix the cause, then retry the event."
        )


class ReservationsUnreadable(Fatal):
    """The host's port failed while a comparison read reservations; only the kind of error is kept."""

    def __init__(self, method: str, error: Exception) -> None:
        super().__init__(
            f"The reservations could not be read from the PMS as they should: {method} raised {type(error).__name__}. "
            "The log of the worker says where. Correct the host's port, then compare again."
        )


class RefusedByChannel(Fatal):
    """The channel understood the call and refused it; trying the same call again cannot succeed."""

    def __init__(self, message: str, *, status: int, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class SoldElsewhere(RefusedByChannel):
    """The channel has no unit left for a new booking: an OTA sold it, and the PMS has not heard of it yet."""

    def __init__(self, *, status: int) -> None:
        super().__init__(
            "The room was sold on another channel a moment ago: none is left on these nights. Offer the guest other "
            "dates or another room type; change the reservation to them and book it again.",
            status=status,
        )


class BatchRefused(Retryable):
    """A call for several bookings was refused as a whole; each is sent again by itself."""


class AuthenticationFailed(RefusedByChannel):
    """The channel refused the token of a call: it has expired, or lacks a scope."""


class LoginRefused(AuthenticationFailed):
    """The channel gives no token any more, or refuses the one it has just given: its property is connected again."""


class NotConnected(Fatal):
    """A channel property has no account and no tokens yet."""

    def __init__(self, channel_property: object) -> None:
        super().__init__(
            f"Channel property '{channel_property}' has no connection. Run 'manage.py channel_sync_connect' for it."
        )


class InvalidStay(ChannelSyncError):
    """A stay without a night, or of less than one unit."""

    def __init__(self, check_in: date, check_out: date, units: int = 1) -> None:
        super().__init__(
            f"A stay of {units} units from {check_in} to {check_out} cannot be: it needs a unit, and a check-out after "
            "its check-in."
        )


class UnknownRoomType(ChannelSyncError):
    """The PMS has no such room type."""

    def __init__(self, room_type_id: object) -> None:
        super().__init__(f"The PMS has no room type '{room_type_id}'. Choose one that it has.")


class NotEnoughUnits(ChannelSyncError):
    """A room type has not enough free units on some night of a stay."""

    def __init__(self, room_type_id: object, free: int, wanted: int) -> None:
        super().__init__(
            f"Room type '{room_type_id}' has {max(free, 0)} free units for the whole stay, {wanted} are wanted. "
            "Choose other dates or another room type."
        )
        self.free = free
        self.wanted = wanted


class SoldOut(NotEnoughUnits):
    """A stay cannot be sold at the desk: on some of its nights there are not enough rooms. The message is for the desk.

    `free` and `wanted` are those of the worst night.
    """

    def __init__(self, nights: Sequence[date], *, free: int, wanted: int) -> None:
        named = ", ".join(str(night) for night in nights[:5]) + (", …" if len(nights) > 5 else "")
        left = f"only {free} left" if free > 0 else "none left"
        ChannelSyncError.__init__(
            self,
            f"There are not enough free rooms of this type on {named}: {left}, {wanted} wanted. Offer other dates or "
            "another room type.",
        )
        self.free = free
        self.wanted = wanted
        self.nights = nights


class CannotBookAgain(ChannelSyncError):
    """A reservation that failed cannot be sent to its channel again as it is."""

    def __init__(self, reservation_id: object, reason: str) -> None:
        super().__init__(f"Reservation '{reservation_id}' cannot be booked again: {reason}")


class NightsMissing(ChannelSyncError):
    """A stay that is changed needs units that others have."""

    def __init__(self, room_type_id: object, nights: Sequence[date]) -> None:
        named = ", ".join(str(night) for night in nights[:5])
        super().__init__(
            f"Room type '{room_type_id}' has not enough free units on {named}. Choose other dates or another room type."
        )
        self.nights = nights


class ConflictClosed(ChannelSyncError):
    """Somebody else, or a later reconciliation, has closed a conflict."""

    def __init__(self, conflict_id: object, status: str) -> None:
        super().__init__(f"Conflict '{conflict_id}' is {status} already. Nothing was done; look at it again.")


class ResolutionImpossible(ChannelSyncError):
    """A conflict of this kind, or in this state, has no such side to take."""

    def __init__(self, kind: str, resolution: str) -> None:
        super().__init__(
            f"A conflict of kind '{kind}' cannot be resolved by '{resolution}': that side has nothing to take over. "
            "Choose another resolution, or put it right by hand and dismiss the conflict."
        )


class HoldEnded(ChannelSyncError):
    """A hold is confirmed, released or expired: it keeps no unit any more."""

    def __init__(self, hold_id: object) -> None:
        super().__init__(
            f"Hold '{hold_id}' is not active any more, its units may be taken. Create a new hold, which looks at what "
            "is free."
        )


class EventInOtherState(ChannelSyncError):
    """An event is in no state in which a person may do this with it."""

    def __init__(self, event_id: object, status: str, verb: str) -> None:
        super().__init__(
            f"Event {event_id} is '{status}' and cannot be {verb}. Retry or ignore what failed or waits, replay "
            "what is settled or waits; leave to its worker what is being processed."
        )


class InvalidMapping(ChannelSyncError):
    """A mapping names something that is not there, or not in the channel's form; `field` names the culprit."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


class DuplicateMapping(ChannelSyncError):
    """One side of a mapping is tied to something else already."""

    def __init__(self, side: str, mapping_id: object) -> None:
        super().__init__(
            f"Its {side} is mapped already by the active mapping {mapping_id}. Change or delete that one first."
        )


class PropertyGone(ChannelSyncError):
    """The channel answers, and the account has no such property any more."""

    def __init__(self, channel_property: object) -> None:
        super().__init__(
            f"The account does not have {channel_property} any more. Check it at the channel, then connect it again."
        )


class ClosingUnderWay(ChannelSyncError):
    """A worker is closing the rooms of a property for its pause."""

    def __init__(self, channel_property: object) -> None:
        super().__init__(
            f"The rooms of {channel_property} are being closed at this moment. Nothing was changed; resume it when "
            "that is done, in a minute or so."
        )


class NotConfirmed(ChannelSyncError):
    """What closes rooms at the channel, or leaves them for sale there, is done only when a person has confirmed it."""

    def __init__(self, consequences: Sequence[str]) -> None:
        super().__init__(f"{' '.join(consequences)} Nothing was done. Send it again with 'confirm': true to go on.")
        self.consequences = consequences


class RotationUnderWay(ChannelSyncError):
    """The old webhook secret is still taken: a third one would end it while the channel may still send it."""

    def __init__(self, channel_property: object) -> None:
        super().__init__(
            f"The webhook secret of {channel_property} is being rotated: no webhook has brought the new one yet. Set "
            "the webhook at the channel, or enter the new secret there; connecting again shows it once more."
        )


class ReportNotOffered(ChannelSyncError):
    """The OTA does not take this report of this booking, or not today."""


class ReportedBefore(ChannelSyncError):
    """The same was reported of the booking already."""

    def __init__(self, external_id: str, at: datetime | None, by: str) -> None:
        when = f" on {at:%Y-%m-%d at %H:%M %Z}" if at is not None else ""
        super().__init__(f"This was reported of booking {external_id}{when} by {by}. Say so if it is to be sent again.")


class ReportUnanswered(ChannelSyncError):
    """Nobody knows whether the OTA has the report."""

    def __init__(self, external_id: str) -> None:
        super().__init__(
            f"The channel gave no answer, so the report of booking {external_id} may have arrived or not. Look in the "
            "OTA's extranet before you send it again."
        )


class ReportNotAccepted(ChannelSyncError):
    """No parity report waits to be accepted, or it is too old, or another than the one that was looked at."""

    def __init__(self, channel_property: object) -> None:
        super().__init__(
            f"No report of {channel_property} waits to be accepted, or it is older than an hour, or both sides were "
            "compared again since. Look at the report that is there now, or compare again; then accept that."
        )


class AlreadyLive(ChannelSyncError):
    """A property of which everything is sent has no parity check to make."""

    def __init__(self, channel_property: object) -> None:
        super().__init__(
            f"{channel_property} is live: nothing of it is held back. What differs since is found by its "
            "reconciliation runs; 'manage.py channel_sync_reconcile' makes one at once."
        )


class NothingQueued(ChannelSyncError):
    """The broker did not take a task that a person asked for."""

    def __init__(self, reason: object) -> None:
        super().__init__(f"The broker did not take the task: {reason}. Nothing was started; try again when it is back.")


class IllegalTransition(ChannelSyncError):
    """An event was not in the state, or no longer under the claim, that the transition needs."""

    def __init__(self, event_id: object, target: str) -> None:
        super().__init__(
            f"Event {event_id} cannot become '{target}': it was settled or claimed by another worker meanwhile. "
            "Nothing was changed; look at the event for its present state."
        )


class PublishFailed(ChannelSyncError):
    """The broker did not confirm a message; the relay publishes the event later."""


class TopologyMismatch(ChannelSyncError):
    """An exchange or queue exists at the broker with other arguments than ours."""


class ConfigurationError(ChannelSyncError):
    """A setting is missing or has a value that cannot work."""


class WebhookRejected(ChannelSyncError):
    """A webhook request is answered with an error and is not stored."""

    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST
    reason: ClassVar[str] = "malformed"


class MalformedWebhook(WebhookRejected):
    """The body is not a webhook of this channel."""


class BadSignature(WebhookRejected):
    """The secret header or the signature is missing, wrong or too old."""

    status = HTTPStatus.UNAUTHORIZED
    reason = "bad_signature"


class UnknownProperty(WebhookRejected):
    """No connected channel property has the id that the webhook names."""

    status = HTTPStatus.NOT_FOUND
    reason = "unknown_property"


class WebhookTooLarge(WebhookRejected):
    """The body is larger than `webhook_max_bytes`."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    reason = "too_large"
