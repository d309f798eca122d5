"""Tokens and credits of the simulated accounts."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from werkzeug.wrappers import Request

from channel_sync.channels.beds24.simulator.answers import ApiError
from channel_sync.channels.beds24.simulator.state import Account, Json, State

TOKEN_LIFE = timedelta(hours=24)


def set_up(state: State, request: Request) -> tuple[Account, Json]:
    """Exchange an invite code; it is gone afterwards."""
    code = request.headers.get("code", "")
    for account in state.accounts.values():
        if code in account.invite_codes:
            account.invite_codes.remove(code)
            refresh_token = secrets.token_urlsafe(24)
            account.refresh_tokens.add(refresh_token)
            return account, {**_new_token(account), "refreshToken": refresh_token}
    raise ApiError(400, 400, "Invite code is not valid")


def refresh(state: State, request: Request) -> tuple[Account, Json]:
    """A new token for a refresh token."""
    refresh_token = request.headers.get("refreshToken", "")
    for account in state.accounts.values():
        if refresh_token in account.refresh_tokens:
            return account, _new_token(account)
    raise ApiError(400, 400, "Refresh token is not valid")


def authenticate(state: State, request: Request) -> Account:
    """The account of the token in the request."""
    account = account_of_token(state, request)
    if account is None:
        raise ApiError(401, 401, "Token not valid")
    return account


def account_of_token(state: State, request: Request) -> Account | None:
    """The account of the token in the request; None when no account has it, or no longer."""
    token = request.headers.get("token", "")
    for account in state.accounts.values():
        if account.tokens.get(token, datetime.min.replace(tzinfo=UTC)) > datetime.now(UTC):
            return account
    return None


def details(account: Account) -> Json:
    """What `GET /authentication/details` says of a valid token."""
    return {"validToken": True, "token": {"ownerId": account.owner_id, "scopes": ["all:bookings", "all:inventory"]}}


def spend(account: Account, cost: float) -> dict[str, str]:
    """Take credits and return the headers; 429 when the window has none left."""
    now = datetime.now(UTC)
    window = timedelta(seconds=account.window_seconds)
    if account.window_started is None or now - account.window_started >= window:
        account.window_started, account.credits_used = now, 0
    resets_in = (account.window_started + window - now).total_seconds()
    allowed = account.credits_used < account.credit_limit
    if allowed:
        account.credits_used += cost
        account.most_credits_used = max(account.most_credits_used, account.credits_used)
    headers = {
        "X-FiveMinCreditLimit": f"{account.credit_limit:g}",
        "X-FiveMinCreditLimit-Remaining": f"{max(account.credit_limit - account.credits_used, 0):g}",
        "X-FiveMinCreditLimit-ResetsIn": f"{max(int(resets_in) + 1, 1)}",
        "X-RequestCost": f"{cost if allowed else 0:g}",
    }
    if not allowed:
        account.calls_over_the_limit += 1
        raise ApiError(429, 429, "Credit limit exceeded", headers)
    return headers


def _new_token(account: Account) -> Json:
    token = secrets.token_urlsafe(24)
    account.tokens[token] = datetime.now(UTC) + TOKEN_LIFE
    return {"token": token, "expiresIn": int(TOKEN_LIFE.total_seconds())}
