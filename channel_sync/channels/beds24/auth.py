"""The token life cycle: invite code -> refresh token -> access token, shared by all workers of an account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from channel_sync.channels.base import TokenStore
from channel_sync.channels.beds24.transport import Transport
from channel_sync.channels.canonical import AccessToken
from channel_sync.errors import ChannelUnavailable

# Fetch the next token while the present one still works (API facts: "refresh shortly before expiry").
REFRESH_BEFORE = timedelta(minutes=10)


def exchange_invite_code(transport: Transport, code: str) -> tuple[str, AccessToken]:
    """The refresh token and the first access token. An invite code works once."""
    answer = transport.call("GET", "/authentication/setup", headers={"code": code}).json
    return _text(answer, "refreshToken"), _access_token(answer)


def owner_of(transport: Transport, token: str) -> str:
    """The id of the account that a token belongs to: credits are counted by it."""
    answer = transport.call("GET", "/authentication/details", headers={"token": token}).json
    return _text(answer.get("token") or {}, "ownerId")


class Authenticator:
    """Gives the token for the next call, and a new one when the channel refused it."""

    def __init__(
        self, transport: Transport, tokens: TokenStore, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._transport = transport
        self._tokens = tokens
        self._now = now

    def token(self) -> str:
        """A token that is good for some minutes more."""
        stored = self._tokens.access_token()
        if stored is not None and self._is_fresh(stored):
            return stored.token
        return self._refresh(refused=stored.token if stored else None)

    def replace(self, refused: str) -> str:
        """A token other than the one the channel refused."""
        return self._refresh(refused=refused)

    def _refresh(self, refused: str | None) -> str:
        with self._tokens.refreshing():
            stored = self._tokens.access_token()
            if stored is not None and stored.token != refused and self._is_fresh(stored):
                return stored.token
            answer = self._transport.call(
                "GET", "/authentication/token", headers={"refreshToken": self._tokens.refresh_token()}
            ).json
            fetched = _access_token(answer)
            self._tokens.save_access_token(fetched)
            return fetched.token

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
