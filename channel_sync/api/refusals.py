"""What our errors are in HTTP; the body is the one of drf-standardized-errors for every refusal."""

from __future__ import annotations

from http import HTTPStatus

from drf_standardized_errors.handler import ExceptionHandler
from rest_framework.exceptions import APIException, ValidationError

from channel_sync.errors import (
    AuthenticationFailed,
    ChannelSyncError,
    ConfigurationError,
    ConflictClosed,
    DuplicateMapping,
    EventInOtherState,
    InvalidMapping,
    NotConnected,
    PropertyGone,
    RefusedByChannel,
    ResolutionImpossible,
    Retryable,
)

CONFLICTING = (
    ConflictClosed,
    DuplicateMapping,
    EventInOtherState,
    NotConnected,
    PropertyGone,
    ResolutionImpossible,
)


class Refused(APIException):
    """One of our errors, with its own words."""

    def __init__(self, error: ChannelSyncError, status: HTTPStatus) -> None:
        self.status_code = status
        super().__init__(str(error), code=_code(error))


class RefusalHandler(ExceptionHandler):
    """Errors of channel_sync beside those of DRF."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        """An error that is not ours stays what it is."""
        if isinstance(exc, InvalidMapping):
            return ValidationError({exc.field: [str(exc)]}, code="invalid")
        if isinstance(exc, ChannelSyncError):
            return Refused(exc, _status(exc))
        converted: Exception = super().convert_known_exceptions(exc)
        return converted


def _status(error: ChannelSyncError) -> HTTPStatus:
    if isinstance(error, CONFLICTING):
        return HTTPStatus.CONFLICT
    if isinstance(error, ConfigurationError):
        return HTTPStatus.BAD_REQUEST
    if isinstance(error, RefusedByChannel) and not isinstance(error, AuthenticationFailed):
        return HTTPStatus.UNPROCESSABLE_ENTITY
    if isinstance(error, AuthenticationFailed):
        return HTTPStatus.CONFLICT
    if isinstance(error, Retryable):
        return HTTPStatus.SERVICE_UNAVAILABLE
    return HTTPStatus.SERVICE_UNAVAILABLE


def _code(error: ChannelSyncError) -> str:
    """`EventInOtherState` -> `event_in_other_state`."""
    name = type(error).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
