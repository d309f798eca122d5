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
            account.device_name = request.headers.get("deviceName", "")
            refresh_token = secrets.token_urlsafe(24)
            account.refresh_tokens.add(refresh_token)
            return account, {**_new_token(account), "refreshToken": refresh_token}
    raise ApiError(400, 400, "Invite code is not valid")


def refresh(state: State, request: Request) -> tuple[Account, Json]:
    """A new token for a refresh token."""
    account, _ = _of_refresh_token(state, request)
    return account, _new_token(account)


def forget(state: State, request: Request) -> tuple[Account, Json]:
    """Delete a refresh token."""
    account, refresh_token = _of_refresh_token(state, request)
    account.refresh_tokens.remove(refresh_token)
    return account, {"success": True}


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


def details(state: State, request: Request) -> Json:
    """What `GET /authentication/details` says of a token; one that is not valid is no error."""
    account = account_of_token(state, request)
    diagnostics = {"requestIp": request.remote_addr or ""}
    if account is None:
        return {"validToken": False, "diagnostics": diagnostics}
    ends = account.tokens[request.headers["token"]]
    token = {
        "ownerId": account.owner_id,
        "expiresIn": int((ends - datetime.now(UTC)).total_seconds()),
        "created": (ends - TOKEN_LIFE).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "scopes": account.scopes,
        "deviceName": account.device_name,
        "linkedProperties": False,
        "onlyPropertyId": None,
        "whiteListOnly": False,
        "whiteList": [],
    }
    return {"validToken": True, "token": token, "diagnostics": diagnostics}


def require_credits(account: Account) -> None:
    """429 when the window has no credits left."""
    now = datetime.now(UTC)
    if account.window_started is None or now - account.window_started >= _window(account):
        account.window_started, account.credits_used = now, 0
    if account.credits_used >= account.credit_limit:
        account.calls_over_the_limit += 1
        raise ApiError(429, 429, "Credit limit exceeded", _credit_headers(account))


def spend(account: Account, cost: float) -> dict[str, str]:
    """Take credits and return the headers that say so. Only calls that succeed cost any."""
    account.credits_used += cost
    account.most_credits_used = max(account.most_credits_used, account.credits_used)
    return {**_credit_headers(account), "x-request-cost": f"{cost:g}"}


def _credit_headers(account: Account) -> dict[str, str]:
    """In the spelling that the real service has, which is not that of its document."""
    started = account.window_started or datetime.now(UTC)
    resets_in = (started + _window(account) - datetime.now(UTC)).total_seconds()
    return {
        "x-five-min-limit-remaining": f"{max(account.credit_limit - account.credits_used, 0):g}",
        "x-five-min-limit-resets-in": f"{max(int(resets_in) + 1, 1)}",
    }


def _window(account: Account) -> timedelta:
    return timedelta(seconds=account.window_seconds)


def _of_refresh_token(state: State, request: Request) -> tuple[Account, str]:
    refresh_token = request.headers.get("refreshToken", "")
    for account in state.accounts.values():
        if refresh_token in account.refresh_tokens:
            return account, refresh_token
    raise ApiError(400, 400, "Refresh token is not valid")


def _new_token(account: Account) -> Json:
    token = secrets.token_urlsafe(24)
    account.tokens[token] = datetime.now(UTC) + TOKEN_LIFE
    return {"token": token, "expiresIn": int(TOKEN_LIFE.total_seconds())}
