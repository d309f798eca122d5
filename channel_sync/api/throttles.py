"""How fast one login may write through the API."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import UserRateThrottle

from channel_sync.conf import channel_sync_settings


class WriteThrottle(UserRateThrottle):
    """Counts the writes of each login against `api_write_rate`, over all views that name this throttle.

    It counts in Django's default cache: where that is the memory of a process, each process allows as many.
    """

    scope = "channel_sync_writes"

    def get_rate(self) -> str | None:
        """From the settings of channel_sync, not DRF's."""
        return channel_sync_settings().api_write_rate

    def allow_request(self, request: Request, view: Any) -> bool:
        """Reading is not counted."""
        return request.method in SAFE_METHODS or super().allow_request(request, view)
