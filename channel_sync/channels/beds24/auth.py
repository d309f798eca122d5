"""The token life cycle: invite code -> refresh token -> access token, shared by all workers of an account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from channel_sync.channels.base import TokenStore
from channel_sync.channels.beds24.transport import Transport
from channel_sync.channels.canonical import AccessToken
from channel_sync.errors import ChannelUnavailable, LoginRefused, RefusedByChannel

# Fetch the next token while the present one still works (docs/beds24.md).
REFRESH_BEFORE = timedelta(minutes=10)


def exchange_invite_code(transport: Transport, code: str) -> tuple[str, AccessToken]:
    """The refresh token and the first access token. An invite code works once.

    Raises `RefusedByChannel` for one that is not good.
    """
    if not (code.isascii() and code.isprintable() and code.strip()):
        raise RefusedByChannel(
            "The invite code is empty or holds characters that no invite code has. Copy it once more.",
            status=HTTPStatus.BAD_REQUEST,
        )
    answer = transport.call("GET", "/authentication/setup", headers={"code": code}).json
    return _text(answer, "refreshToken"), _access_token(answer)


def owner_of(details: Mapping[str, Any]) -> str:
    """The id of the account that a token belongs to: credits are counted by it."""
    token = details.get("token")
    return _text(token if isinstance(token, Mapping) else {}, "ownerId")


def token_details(transport: Transport, token: str) -> Mapping[str, Any]:
    """What Beds24 says of a token: `validToken` may be false, under status 200."""
    answer = transport.call("GET", "/authentication/details", headers={"token": token}).json
    if not isinstance(answer, dict):
        raise ChannelUnavailable("Beds24 answered GET /authentication/details in an unknown shape; try again.")
    return answer


class Authenticator:
    """Gives the token for the next call, and a new one when the channel refused it."""

    def __init__(
        self, transport: Transport, tokens: TokenStore, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._transport = transport
        self._tokens = tokens
        self._now = now

    def token(self) -> str:
        """A token that is good for some minutes more. Raises `LoginRefused` when Beds24 gives none."""
        stored = self._tokens.access_token()
        if stored is not None and self._is_fresh(stored):
            return stored.token
        return self._refresh(refused=stored.token if stored else None)

    def replace(self, refused: str) -> str:
        """A token other than the one the channel refused. Raises `LoginRefused` when Beds24 gives none."""
        return self._refresh(refused=refused)

    def _refresh(self, refused: str | None) -> str:
        with self._tokens.refreshing():
            stored = self._tokens.access_token()
            if stored is not None and stored.token != refused and self._is_fresh(stored):
                return stored.token
            fetched = _access_token(self._fetch())
            self._tokens.save_access_token(fetched)
            return fetched.token

    def _fetch(self) -> Mapping[str, Any]:
        """A new token. 400 is the documented refusal of a refresh token; any other refusal means the same."""
        try:
            answer: Mapping[str, Any] = self._transport.call(
                "GET", "/authentication/token", headers={"refreshToken": self._tokens.refresh_token()}
            ).json
        except RefusedByChannel as error:
            raise LoginRefused(
                f"Beds24 refused the refresh token ({error.status}): it has expired or was taken back. Connect the "
                "property again with 'manage.py channel_sync_connect'; its events wait meanwhile.",
                status=error.status,
                code=error.code,
            ) from error
        return answer

    def _is_fresh(self, token: AccessToken) -> bool:
        return token.expires_at - REFRESH_BEFORE > self._now()


def _access_token(answer: Mapping[str, Any]) -> AccessToken:
    try:
        seconds = int(answer["expiresIn"])
    except (KeyError, TypeError, ValueError):
        raise ChannelUnavailable("Beds24 answered an authentication call without 'expiresIn'; try again.") from None
    return AccessToken(token=_text(answer, "token"), expires_at=datetime.now(UTC) + timedelta(seconds=seconds))


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str | int) or value == "":
        raise ChannelUnavailable(f"Beds24 answered an authentication call without '{name}'; try again.")
    return str(value)
