"""One HTTP call to Beds24: time-outs, headers, credits, and every kind of failure as one of our errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import Any

import requests
from pydantic import BaseModel, ConfigDict, Field

from channel_sync.channels.canonical import Credits, ObservedCall
from channel_sync.channels.http_pool import HeaderUnsendable, is_redirect, send
from channel_sync.channels.storable import read_json
from channel_sync.errors import AuthenticationFailed, ChannelUnavailable, RateLimited, RefusedByChannel

DEFAULT_BASE_URL = "https://beds24.com/api/v2"
RATE_LIMIT_CODES = {"1016", "1020"}
# A GET that changes something: the invite code is spent by it.
WORK_ONCE = {"/authentication/setup"}
# Figures beyond these make no sense, and fit no column.
MOST, MOST_COST = 10**7, 10**5
# A window lasts five minutes: what says more is another unit, or another fault, and must not keep events for months.
LONGEST_WINDOW_SECONDS = 900

# Both spellings occur in the wild (docs/beds24.md).
LIMIT_HEADERS = ("X-FiveMinCreditLimit", "x-five-min-limit")
REMAINING_HEADERS = ("X-FiveMinCreditLimit-Remaining", "x-five-min-limit-remaining")
RESETS_HEADERS = ("X-FiveMinCreditLimit-ResetsIn", "x-five-min-limit-resets-in")
COST_HEADERS = ("X-RequestCost", "x-request-cost")


class Beds24Options(BaseModel):
    """`CHANNEL_SYNC["channel_options"]["beds24"]`; times in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base_url: str = DEFAULT_BASE_URL
    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    organization: str | None = Field(
        default=None, pattern=r"^[!-~]+$", repr=False, description="The header that integration partners have to send."
    )

    def headers(self) -> dict[str, str]:
        """The headers of every call, whatever the account."""
        return {"organization": self.organization} if self.organization else {}


@dataclass(frozen=True)
class Answer:
    """A successful answer."""

    json: Any = field(repr=False)
    credits: Credits


class Transport:
    """Calls of one account. Only connecting is retried here: whether a sent call may be repeated, its sender knows."""

    def __init__(
        self,
        options: Beds24Options,
        *,
        before_call: Callable[[], None] = lambda: None,
        on_call: Callable[[ObservedCall], None] = lambda call: None,
    ) -> None:
        self._headers = options.headers()
        self._base_url = options.base_url.rstrip("/")
        self._timeout = (options.connect_timeout, options.read_timeout)
        self._before_call = before_call
        self._on_call = on_call

    def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        params: Mapping[str, Any] | None = None,
        json: Any = None,
    ) -> Answer:
        """Make a call. Raises `ChannelUnavailable`, `RateLimited`, `AuthenticationFailed` or `RefusedByChannel`."""
        self._before_call()
        started = time.monotonic()
        try:
            # A redirect is not followed: it would carry the token, or the invite code, to another address.
            response = send(
                method,
                f"{self._base_url}{path}",
                headers={**self._headers, **headers},
                params=params,
                json=json,
                timeout=self._timeout,
                repeatable=method == "GET" and path not in WORK_ONCE,
            )
        except HeaderUnsendable as error:
            raise AuthenticationFailed(
                f"The token for {method} {path} cannot be sent: {error}. Connect the property again with "
                "'manage.py channel_sync_connect'.",
                status=HTTPStatus.UNAUTHORIZED,
            ) from error
        except requests.RequestException as error:
            self._observe(method, path, None, started, Credits())
            raise ChannelUnavailable(
                f"Beds24 did not answer {method} {path}: {type(error).__name__}. The event is tried again."
            ) from error
        credits = read_credits(response.headers)
        self._observe(method, path, response.status_code, started, credits)
        return Answer(json=_checked(method, path, response, credits), credits=credits)

    def _observe(self, method: str, path: str, status: int | None, started: float, credits: Credits) -> None:
        milliseconds = round((time.monotonic() - started) * 1000)
        self._on_call(ObservedCall(method=method, path=path, status=status, milliseconds=milliseconds, credits=credits))


def is_reachable(options: Beds24Options, *, timeout: float) -> bool:
    """Whether the API answers within a time, in seconds; asked without a token, so that it costs no credits."""
    url = f"{options.base_url.rstrip('/')}/authentication/details"
    try:
        response = send("GET", url, headers=options.headers(), timeout=timeout, repeatable=True, patient=False)
    except requests.RequestException:
        return False
    return not is_redirect(response) and response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR


def read_credits(headers: Mapping[str, str]) -> Credits:
    """The credit headers in either spelling; what is absent or unreadable is None."""
    resets = _number(headers, RESETS_HEADERS)
    return Credits(
        limit=_number(headers, LIMIT_HEADERS),
        remaining=_number(headers, REMAINING_HEADERS),
        resets_in_seconds=None if resets is None else min(max(int(resets), 0), LONGEST_WINDOW_SECONDS),
        cost=_number(headers, COST_HEADERS, MOST_COST),
    )


def _number(headers: Mapping[str, str], names: tuple[str, ...], most: int = MOST) -> Decimal | None:
    for name in names:
        if name in headers:
            try:
                number = Decimal(headers[name])
            except InvalidOperation:
                continue
            if number.is_finite() and abs(number) <= most:
                return number
    return None


def _checked(method: str, path: str, response: requests.Response, credits: Credits) -> Any:
    call = f"{method} {path}"
    if is_redirect(response):
        raise ChannelUnavailable(
            f"The address answered {call} with a redirect ({response.status_code}), which is not followed: the token "
            "would go elsewhere. Correct 'base_url' of the channel's options. The event is tried again.",
            status=response.status_code,
        )
    try:
        body = read_json(response.content)
    except ValueError:
        body = None
    code = str(body.get("code", "")) if isinstance(body, dict) else ""
    if response.status_code == 429 or code in RATE_LIMIT_CODES:
        retry_after = None if credits.resets_in_seconds is None else timedelta(seconds=credits.resets_in_seconds)
        raise RateLimited(f"Beds24 has no credits left for {call}; the event is put off.", retry_after=retry_after)
    if response.status_code >= 500:
        raise ChannelUnavailable(
            f"Beds24 answered {call} with {response.status_code}. The event is tried again.",
            status=response.status_code,
        )
    reason = str(body.get("error", ""))[:300] if isinstance(body, dict) else ""
    if response.status_code in (401, 403):
        raise AuthenticationFailed(
            f"Beds24 refused the token for {call} ({response.status_code} {reason}). Connect the property again with "
            "'manage.py channel_sync_connect' if this goes on.",
            status=response.status_code,
            code=code,
        )
    if response.status_code >= 400 or (isinstance(body, dict) and body.get("success") is False):
        raise RefusedByChannel(
            f"Beds24 refused {call} ({response.status_code} {reason}). Correct it in the PMS, which sends it again; "
            "make a failed reservation anew.",
            status=response.status_code,
            code=code,
        )
    if body is None:
        raise ChannelUnavailable(f"Beds24 answered {call} with something that is not JSON. The event is tried again.")
    return body
