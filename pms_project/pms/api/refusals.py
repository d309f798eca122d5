"""How the PMS API says no: in the one shape of all its refusals, drf-standardized-errors'."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response

from channel_sync.api.refusals import RefusalHandler
from pms_project.pms.models import StaleReservation
from pms_project.pms.services.errors import NotWithinLimits, PmsError


class RefusedByPms(APIException):
    """What a service refuses: the present state does not allow it."""

    status_code = HTTPStatus.CONFLICT

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error), code=re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower())


class PmsRefusalHandler(RefusalHandler):
    """Errors of the PMS beside those of channel_sync and DRF."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        """409 with the name of the error as its code, or 400 that names the field."""
        if isinstance(exc, NotWithinLimits):
            return ValidationError({exc.field: [str(exc)]}, code="invalid")
        if isinstance(exc, PmsError | StaleReservation):
            return RefusedByPms(exc)
        return super().convert_known_exceptions(exc)


def refused(error: Exception, context: Any) -> Response | None:
    """DRF's exception handler."""
    return PmsRefusalHandler(error, context).run()
