"""Logins of the API, and what is answered after too many wrong passwords (django-axes counts them)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from drf_spectacular.authentication import BasicScheme
from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from rest_framework.authentication import BasicAuthentication
from rest_framework.exceptions import AuthenticationFailed

from pms_project.pms.api.plain_refusals import plain_refusal

TOO_MANY = "Too many wrong passwords from this address. Try again later."
BUSY = "Too many logins at this moment. Try again in some seconds; programs use a token, not a password."
BUSY_SECONDS = 2
UNREADABLE = (BadRequest, MultiPartParserError, OSError, RequestDataTooBig, TooManyFilesSent)


class TokenAuthentication(KnoxTokenAuthentication):
    """`Authorization: Token …`, as `POST /api/auth/login/` gave it."""

    def authenticate_credentials(self, token: bytes) -> Any:
        """The user, and the token. Raises `AuthenticationFailed`."""
        try:
            return super().authenticate_credentials(token)
        except UnicodeDecodeError:
            raise AuthenticationFailed("Invalid token.") from None


class TokenScheme(KnoxTokenScheme):
    """How the OpenAPI document names it."""

    target_class = "pms_project.pms.api.logins.TokenAuthentication"
    name = "tokenAuth"


class CountedBasicAuthentication(BasicAuthentication):
    """HTTP basic authentication whose wrong passwords are counted whatever the body holds."""

    def authenticate_credentials(self, userid: str, password: str, request: Any = None) -> Any:
        """The user. Raises `AuthenticationFailed`."""
        # Django's own request: axes marks it for its middleware, and reads its form, which may fail. If that failed
        # between the look at the password and the count, the answer would tell a wrong password for nothing.
        plain: HttpRequest = getattr(request, "_request", request)
        try:
            plain.POST  # noqa: B018
        except UNREADABLE:
            raise AuthenticationFailed("The form in the body cannot be read.") from None
        return super().authenticate_credentials(userid, password, plain)  # type: ignore[arg-type]


class CountedBasicScheme(BasicScheme):
    """It is HTTP basic authentication to the OpenAPI document too."""

    target_class = "pms_project.pms.api.logins.CountedBasicAuthentication"


def locked_out(request: HttpRequest, answer: HttpResponse | None, credentials: Any = None) -> HttpResponse:
    """429 with Retry-After, in JSON for the API."""
    is_busy = getattr(request, "login_is_busy", False)
    seconds = BUSY_SECONDS if is_busy else int(settings.AXES_COOLOFF_TIME.total_seconds())
    words, code = (BUSY, "too_many_logins") if is_busy else (TOO_MANY, "too_many_wrong_passwords")
    headers = {"Retry-After": str(seconds)}
    if request.path.startswith("/api/"):
        return plain_refusal(words, code, HTTPStatus.TOO_MANY_REQUESTS, headers)
    return HttpResponse(words, content_type="text/plain", status=HTTPStatus.TOO_MANY_REQUESTS, headers=headers)
