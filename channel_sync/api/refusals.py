"""What our errors are in HTTP; the body is the one of drf-standardized-errors for every refusal."""

from __future__ import annotations

import re
from datetime import timedelta
from http import HTTPStatus

from drf_standardized_errors.handler import ExceptionHandler
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response

from channel_sync.errors import (
    AddressRefused,
    AlreadyLive,
    BookingsNotSettled,
    CannotBookAgain,
    ChannelSyncError,
    ClosingUnderWay,
    ConfigurationError,
    ConflictClosed,
    ConnectedElsewhere,
    CursorGone,
    DuplicateMapping,
    EventInOtherState,
    InvalidCursor,
    InvalidMapping,
    InvalidWindow,
    MoveNotConfirmed,
    NotConfirmed,
    NotConnected,
    NotEnoughUnits,
    NotificationGone,
    PropertyGone,
    RefusedByChannel,
    ReportedBefore,
    ReportNotAccepted,
    ReportNotOffered,
    ResolutionImpossible,
    RoomsNotClosed,
    RotationUnderWay,
    SubscriptionOff,
)

CONFLICTING = (
    AlreadyLive,
    BookingsNotSettled,
    CannotBookAgain,
    ClosingUnderWay,
    ConflictClosed,
    ConnectedElsewhere,
    DuplicateMapping,
    EventInOtherState,
    MoveNotConfirmed,
    NotConfirmed,
    NotConnected,
    NotEnoughUnits,
    NotificationGone,
    PropertyGone,
    ReportedBefore,
    ReportNotAccepted,
    ReportNotOffered,
    ResolutionImpossible,
    RoomsNotClosed,
    RotationUnderWay,
    SubscriptionOff,
)


class Refused(APIException):
    """One of our errors, with its own words; `wait` seconds become a Retry-After header."""

    def __init__(self, error: ChannelSyncError) -> None:
        self.status_code = _status(error)
        retry_after: timedelta | None = getattr(error, "retry_after", None)
        self.wait = max(retry_after.total_seconds(), 1) if retry_after else None
        super().__init__(str(error), code=_code(error))


class RefusalHandler(ExceptionHandler):
    """Errors of channel_sync beside those of DRF."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        """An error that is not ours stays what it is."""
        if isinstance(exc, InvalidMapping | InvalidWindow):
            return ValidationError({exc.field: [str(exc)]}, code="invalid")
        if isinstance(exc, AddressRefused):
            return ValidationError({"url": [str(exc)]}, code="invalid")
        if isinstance(exc, InvalidCursor):
            return ValidationError({"after": [str(exc)]}, code="invalid")
        if isinstance(exc, ChannelSyncError):
            return Refused(exc)
        converted: Exception = super().convert_known_exceptions(exc)
        return converted

    def report_exception(self, exc: APIException, response: Response) -> None:
        """A channel or a broker that is away is no fault of the program, nor what this server cannot do."""
        if not isinstance(exc, Refused) and exc.status_code != HTTPStatus.NOT_IMPLEMENTED:
            super().report_exception(exc, response)


def _status(error: ChannelSyncError) -> HTTPStatus:
    """What is neither the caller's nor the state's fault is worth another try later."""
    if isinstance(error, CONFLICTING):
        return HTTPStatus.CONFLICT
    if isinstance(error, CursorGone):
        return HTTPStatus.GONE
    if isinstance(error, ConfigurationError):
        return HTTPStatus.BAD_REQUEST
    if isinstance(error, RefusedByChannel):
        return HTTPStatus.UNPROCESSABLE_ENTITY
    return HTTPStatus.SERVICE_UNAVAILABLE


def _code(error: ChannelSyncError) -> str:
    """`EventInOtherState` -> `event_in_other_state`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()
