"""Who has not logged in is 401, never 403: that is for who is known, and may not."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request

SESSION = 'Session realm="api"'


class Challenges:
    """Mixin of views: whatever logins the host has, and in whatever order, there is a challenge to answer 401 with."""

    def get_authenticate_header(self, request: Request) -> str:
        """The first one's, or that of sessions, for which HTTP has none."""
        view: Any = self
        found = (one.authenticate_header(request) for one in view.get_authenticators())
        return next((header for header in found if header), SESSION)
