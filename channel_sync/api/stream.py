"""`/admin/feed/stream`: the feed as server-sent events, where the host runs ASGI."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.handlers.asgi import ASGIRequest
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.settings import api_settings

from channel_sync.api.feed import STREAM_PARAMETERS, FeedViewSet
from channel_sync.api.known_parameters import unknown_parameters
from channel_sync.api.notifications import as_json
from channel_sync.errors import CursorGone, InvalidCursor
from channel_sync.feed.cursor import opened, sealed
from channel_sync.feed.login import Login
from channel_sync.feed.page import Noted, present_end, read_page
from channel_sync.feed.stream import at_the_door, follow
from channel_sync.feed.visibility import visible_notifications
from channel_sync.models import Role
from channel_sync.operations.access import access_of

# Where no answer can be kept open: the same rules, and a refusal.
_under_wsgi = sync_to_async(FeedViewSet.as_view({"get": "stream"}))
# How long a browser waits before it comes back, in milliseconds.
RETRY = 3_000
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


async def feed_stream(request: HttpRequest) -> HttpResponseBase:
    """Notifications from `Last-Event-ID`, `after`, or now on, as they come.

    Browsers come back by themselves, with the id of the last one. 501 under WSGI.
    """
    if request.method != "GET":
        return _refused(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", "Only GET.", {"Allow": "GET"})
    if not isinstance(request, ASGIRequest):
        refused: HttpResponseBase = await _under_wsgi(request)
        return refused
    begun = await at_the_door(lambda: _begin(request))
    if isinstance(begun, HttpResponse):
        return begun
    login, after = begun
    return StreamingHttpResponse(_events(login, after), content_type="text/event-stream", headers=HEADERS)


def _begin(request: HttpRequest) -> tuple[Login, int] | HttpResponse:
    """Who follows, and from where; or the refusal. By the host's own ways of logging in."""
    ways: Any = api_settings.DEFAULT_AUTHENTICATION_CLASSES
    authenticators = [way() for way in ways]
    asking = Request(request, authenticators=authenticators)
    challenge = authenticators[0].authenticate_header(asking) if authenticators else None
    unknown = {"WWW-Authenticate": challenge} if challenge else {}
    try:
        user = asking.user
    except AuthenticationFailed as error:
        return _refused(HTTPStatus.UNAUTHORIZED, "authentication_failed", str(error.detail), unknown)
    if not user.is_authenticated:
        return _refused(HTTPStatus.UNAUTHORIZED, "not_authenticated", "Log in first.", unknown)
    access = access_of(user)
    if not access.has(Role.VIEWER):
        return _refused(HTTPStatus.FORBIDDEN, "permission_denied", "The role does not allow it.")
    for name, told in unknown_parameters(request.GET, STREAM_PARAMETERS).items():
        return _refused(HTTPStatus.BAD_REQUEST, "unknown", told, attr=name)
    wanted = request.headers.get("Last-Event-ID") or request.GET.get("after")
    try:
        rows = visible_notifications(access)
        after = opened(wanted) if wanted else present_end(rows)
        # Asked once before the answer begins: a cursor that is gone can still be refused.
        read_page(rows, after, limit=1)
    except InvalidCursor as error:
        return _refused(HTTPStatus.BAD_REQUEST, "invalid", str(error), attr="after")
    except CursorGone as error:
        return _refused(HTTPStatus.GONE, "cursor_gone", str(error))
    return _login(asking, user), after


def _login(asking: Request, user: AbstractBaseUser) -> Login:
    by_session = isinstance(asking.successful_authenticator, SessionAuthentication)
    return Login(
        user_id=user.pk,
        auth_hash=user.get_session_auth_hash(),
        token=asking.auth if isinstance(asking.auth, Model) else None,
        session_key=asking.session.session_key if by_session else None,
    )


async def _events(login: Login, after: int) -> AsyncIterator[bytes]:
    # The id alone is no event, and is sent back by a browser that has seen none yet.
    yield f"retry: {RETRY}\nid: {sealed(after)}\n\n".encode()
    async for rows in follow(login, after):
        yield b"".join(map(_event, rows)) if rows else b": still here\n\n"


def _event(noted: Noted) -> bytes:
    return f"id: {sealed(noted.position)}\nevent: {noted.kind}\ndata: {json.dumps(as_json(noted))}\n\n".encode()


def _refused(
    status: HTTPStatus, code: str, detail: str, headers: dict[str, str] | None = None, *, attr: str | None = None
) -> JsonResponse:
    """In the shape of every refusal."""
    kind = "client_error" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "server_error"
    if status == HTTPStatus.BAD_REQUEST:
        kind = "validation_error"
    body = {"type": kind, "errors": [{"code": code, "detail": detail, "attr": attr}]}
    return JsonResponse(body, status=status, headers=headers)
