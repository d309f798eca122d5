"""Passwords are looked at for few at a time, and for no address that has guessed too often, whatever the names.

Hashing a password takes a processor for a tenth of a second: a stranger who sends them without end would keep the
threads from webhooks.
"""

from __future__ import annotations

from threading import BoundedSemaphore
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.db.models import Sum
from django.http import HttpRequest
from django.utils import timezone

# Of a process; the others of its threads go on with what is not a login.
AT_ONCE = 2
WAIT_SECONDS = 0.5

_looking = BoundedSemaphore(AT_ONCE)


class GuardedModelBackend(ModelBackend):
    """Django's own, behind these two limits. Who is refused by one gets 429 from the middleware of django-axes."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Any:
        """The user, or None. Raises `PermissionDenied` before the password is looked at."""
        if request is not None and _guesses_from(request) >= settings.LOGIN_FAILURES_OF_ADDRESS:
            raise _refused(request)
        if not _looking.acquire(timeout=WAIT_SECONDS):
            raise _refused(request, is_busy=True)
        try:
            return super().authenticate(request, username=username, password=password, **kwargs)
        finally:
            _looking.release()


def _guesses_from(request: HttpRequest) -> int:
    """Wrong passwords from the address of the request, whatever the login, that still count."""
    address = getattr(request, "axes_ip_address", None) or request.META.get("REMOTE_ADDR")
    since = timezone.now() - settings.AXES_COOLOFF_TIME
    found = AccessAttempt.objects.filter(ip_address=address, attempt_time__gte=since)
    return found.aggregate(all=Sum("failures_since_start"))["all"] or 0


def _refused(request: HttpRequest | None, *, is_busy: bool = False) -> PermissionDenied:
    # The marks that the middleware of axes, and `logins.locked_out`, answer by.
    if request is not None:
        vars(request).update(axes_locked_out=True, login_is_busy=is_busy)
    return PermissionDenied("Too many passwords at once." if is_busy else "Too many wrong passwords from this address.")
