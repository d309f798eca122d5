"""Calls with a token: a refused token is replaced once, pages are followed, each item of a POST is judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from channel_sync.channels.beds24.auth import Authenticator, token_details
from channel_sync.channels.beds24.transport import Answer, Transport
from channel_sync.channels.beds24.wire import Shape, WireItemResult, WirePage, read
from channel_sync.errors import (
    AuthenticationFailed,
    ChannelUnavailable,
    InvalidPayload,
    LoginRefused,
    RefusedByChannel,
)

IDEMPOTENCY_HEADER = "X-Idempotency-Key"
MAX_PAGES = 10_000
REFUSED_AGAIN = (
    "Beds24 refuses the token that it has just given. Connect the property again with "
    "'manage.py channel_sync_connect'; its events wait meanwhile."
)


class Client:
    """An authenticated client of one account."""

    def __init__(self, transport: Transport, authenticator: Authenticator) -> None:
        self._transport = transport
        self._authenticator = authenticator

    def require_login(self) -> None:
        """Ask whether the token is valid, and fetch another if not. Raises `LoginRefused` when that is not either."""
        token = self._authenticator.token()
        if not self._is_valid(token) and not self._is_valid(self._authenticator.replace(token)):
            raise LoginRefused(REFUSED_AGAIN, status=HTTPStatus.UNAUTHORIZED)

    def _is_valid(self, token: str) -> bool:
        try:
            return token_details(self._transport, token).get("validToken") is not False
        except RefusedByChannel:
            return False

    def get_pages(self, path: str, params: Mapping[str, Any]) -> Iterator[Any]:
        """All items of a list, page after page; what an item is, its reader finds out."""
        for page in range(1, MAX_PAGES):
            content = self.get_page(path, params, page)
            yield from content.data
            if not content.has_next:
                return

    def get_page(self, path: str, params: Mapping[str, Any], page: int) -> WirePage:
        """One page of a list; the first is 1."""
        answer = self._call("GET", path, params={**params, "page": page})
        return self._read_answer(WirePage, answer.json, path)

    def post_items(
        self, path: str, items: Sequence[Mapping[str, Any]], *, idempotency_key: str
    ) -> list[WireItemResult]:
        """Post an array; one result per item, in its order. A failed item is no error here."""
        answer = self._call("POST", path, json=list(items), idempotency_key=idempotency_key)
        if not isinstance(answer.json, list) or len(answer.json) != len(items):
            raise ChannelUnavailable(
                f"Beds24 answered POST {path} with another number of results than items. The event is tried again."
            )
        return [self._read_answer(WireItemResult, result, path) for result in answer.json]

    def post_all(
        self, path: str, items: Sequence[Mapping[str, Any]], *, idempotency_key: str
    ) -> tuple[WireItemResult, ...]:
        """Post an array of which every item has to succeed. Raises `RefusedByChannel` that names those that did not."""
        results = self.post_items(path, items, idempotency_key=idempotency_key)
        failed = [f"item {number}: {result.reasons()}" for number, result in enumerate(results) if not result.success]
        if failed:
            raise RefusedByChannel(
                f"Beds24 refused {len(failed)} of {len(items)} items of POST {path}: {'; '.join(failed[:5])}. "
                "Correct it in the PMS, which sends it again; make a failed reservation anew.",
                status=201,
            )
        return tuple(results)

    def _call(self, method: str, path: str, *, idempotency_key: str | None = None, **content: Any) -> Answer:
        headers = {IDEMPOTENCY_HEADER: idempotency_key} if idempotency_key else {}
        token = self._authenticator.token()
        try:
            return self._transport.call(method, path, headers={"token": token, **headers}, **content)
        except AuthenticationFailed as error:
            # A 403 is a missing scope: another token of the same account would not have it either.
            if error.status != HTTPStatus.UNAUTHORIZED:
                raise
        token = self._authenticator.replace(token)
        try:
            return self._transport.call(method, path, headers={"token": token, **headers}, **content)
        except AuthenticationFailed as error:
            if error.status != HTTPStatus.UNAUTHORIZED:
                raise
            raise LoginRefused(REFUSED_AGAIN, status=error.status, code=error.code) from error

    @staticmethod
    def _read_answer(shape: type[Shape], data: Any, path: str) -> Shape:
        try:
            return read(shape, data)
        except InvalidPayload as error:
            raise ChannelUnavailable(f"Beds24 answered {path} in an unknown shape: {error}") from error
