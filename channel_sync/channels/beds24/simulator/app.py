"""The WSGI application of the simulator: routes, tokens, credits and faults around every call."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from channel_sync.channels.beds24.simulator import (
    accounts,
    booking_writes,
    bookings,
    channel_reports,
    inventory,
    invoice_items,
    messages,
    properties,
    scopes,
)
from channel_sync.channels.beds24.simulator.answers import ApiError, as_json, page_of
from channel_sync.channels.beds24.simulator.control import Control
from channel_sync.channels.beds24.simulator.faults import Fault, FaultKind, Faults
from channel_sync.channels.beds24.simulator.queries import Query, ids
from channel_sync.channels.beds24.simulator.state import DEFAULT_SEED, Account, Json, State, utc_now
from channel_sync.channels.beds24.simulator.webhook_payloads import change_between, story_of
from channel_sync.channels.beds24.simulator.webhooks import WebhookSender

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

API_PREFIX = "/v2"
MOST_ITEMS = 10_000
MOST_BYTES = 1_000_000
COST_OF_READING = 1.0
COST_OF_WRITING = 1.1
COST_OF_A_FURTHER_ITEM = 0.01

Answer = tuple[Any, int]
Endpoint = Callable[[Request], Response]


class Simulator:
    """One simulated Beds24; `wsgi` is the application to serve."""

    def __init__(self, seed: Json | None = None) -> None:
        self.state = State()
        self.state.seed(seed or DEFAULT_SEED)
        self.faults = Faults()
        self.sender = WebhookSender(self.faults)
        self._control = Control(self.state, self.faults, self.sender)
        self.routes = Map(
            [
                *(
                    Rule(f"{API_PREFIX}{path}", methods=[method], endpoint=endpoint)
                    for method, path, endpoint in self._api_routes()
                ),
                *self._control.rules(),
            ]
        )

    def wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        request = Request(environ)
        fault = self.faults.next_for(request.method, request.path) if request.path.startswith(API_PREFIX) else None
        response = self._faulty(fault, environ) or self._answer(request)
        if fault is not None and fault.kind is FaultKind.DROP_AFTER:
            _drop(environ)
        return response(environ, start_response)

    def _faulty(self, fault: Fault | None, environ: WSGIEnvironment) -> Response | None:
        """The answer that a fault puts in place of the real one; a call that is dropped before has no effect."""
        if fault is None:
            return None
        if fault.kind is FaultKind.DROP_BEFORE:
            _drop(environ)
            return ApiError(503, 503, "dropped").response()
        if fault.kind is FaultKind.SLOW:
            time.sleep(fault.seconds)
        if fault.kind is not FaultKind.STATUS:
            return None
        headers = {"x-five-min-limit-resets-in": str(int(fault.seconds) or 1)} if fault.status == 429 else {}
        return ApiError(fault.status, fault.status, "fault switched on at the simulator", headers).response()

    def _answer(self, request: Request) -> Response:
        try:
            endpoint, values = self.routes.bind_to_environ(request.environ).match()
            answer: Response = endpoint(request, **values)
            return answer
        except ApiError as error:
            return error.response()
        except HTTPException as error:
            return ApiError(error.code or 500, error.code or 500, error.name).response()

    def _api_routes(self) -> list[tuple[str, str, Endpoint]]:
        rooms, state, read, write = "/inventory/rooms", self.state, self._reading, self._writing
        return [
            ("GET", "/authentication/setup", lambda request: self._login(request, accounts.set_up)),
            ("GET", "/authentication/token", lambda request: self._login(request, accounts.refresh)),
            ("DELETE", "/authentication/token", lambda request: self._login(request, accounts.forget)),
            ("GET", "/authentication/details", self._details),
            ("GET", "/bookings", read("bookings", "booking", lambda *call: bookings.find(*call))),
            ("POST", "/bookings", write("bookings", self._write_bookings)),
            ("DELETE", "/bookings", self._delete_bookings),
            ("GET", "/bookings/messages", read("bookings", "message", messages.find)),
            ("POST", "/bookings/messages", write("bookings", partial(messages.write, state))),
            ("PATCH", "/bookings/messages", self._mark_messages),
            ("GET", "/bookings/invoices", read("bookings-financial", "invoice", invoice_items.invoices)),
            ("POST", "/channels/booking", write("channels", partial(channel_reports.report, state))),
            ("GET", f"{rooms}/calendar", read("inventory", "calendar", inventory.calendar)),
            ("POST", f"{rooms}/calendar", write("inventory", partial(inventory.write_calendar, state))),
            ("GET", f"{rooms}/availability", read("inventory", "availability", inventory.availability)),
            ("GET", f"{rooms}/offers", read("inventory", "offer", inventory.offers)),
            ("GET", "/properties", read("properties", "property", properties.find)),
            ("POST", "/properties", write("properties", partial(properties.write, state))),
        ]

    def _login(self, request: Request, step: Callable[[State, Request], tuple[Account, Json]]) -> Response:
        with self.state.lock:
            account, body = step(self.state, request)
            accounts.require_credits(account)
            headers = accounts.spend(account, COST_OF_READING)
            self._log(request, account, 200)
        return as_json(body, headers=headers)

    def _details(self, request: Request) -> Response:
        """A token that is not valid is no error of this call: it is what the call is asked for."""
        with self.state.lock:
            if accounts.account_of_token(self.state, request) is None:
                return as_json(accounts.details(self.state, request))
        return self._call(request, COST_OF_READING, lambda account: (accounts.details(self.state, request), 200))

    def _reading(self, area: str, kind: str, read: Callable[[State, Account, Query], Sequence[Json]]) -> Endpoint:
        """An endpoint that lists what is found."""

        def found(account: Account, query: Query) -> Sequence[Json]:
            scopes.require(account, f"read:{area}")
            return read(self.state, account, query)

        return lambda request: self._list(request, kind, lambda account: found(account, request.args))

    def _list(self, request: Request, kind: str, read: Callable[[Account], Sequence[Json]]) -> Response:
        return self._call(request, COST_OF_READING, lambda account: (page_of(read(account), kind, request), 200))

    def _writing(self, area: str, write: Callable[[Account, list[Any]], list[Json]]) -> Endpoint:
        """An endpoint that takes an array and answers item by item."""

        def written(account: Account, items: list[Any]) -> Answer:
            scopes.require(account, f"write:{area}")
            return write(account, items), 201

        def endpoint(request: Request) -> Response:
            items = _items(request)
            return self._call(request, _cost_of_writing(len(items)), lambda account: written(account, items))

        return endpoint

    def _write_bookings(self, account: Account, items: list[Any]) -> list[Json]:
        return booking_writes.write(self.state, account, items, self._changed)

    def _delete_bookings(self, request: Request) -> Response:
        wanted = [int(value) for value in request.args.getlist("id") if ids(request.args, "id")]
        if not wanted:
            raise ApiError(400, 400, "Parameter id is required")

        def deleted(account: Account) -> Answer:
            scopes.require(account, "delete:bookings")
            return booking_writes.delete(self.state, account, wanted), 201

        return self._call(request, _cost_of_writing(len(wanted)), deleted)

    def _mark_messages(self, request: Request) -> Response:
        changes = request.get_json(silent=True)

        def marked(account: Account) -> Answer:
            scopes.require(account, "write:bookings")
            return messages.mark(self.state, account, request.args, changes), 200

        return self._call(request, COST_OF_WRITING, marked)

    def _call(self, request: Request, cost: float, work: Callable[[Account], Answer]) -> Response:
        """An authenticated call: token, credits, effect, log. One that is refused costs nothing."""
        with self.state.lock:
            account = accounts.authenticate(self.state, request)
            account.calls_under_way += 1
            account.most_calls_at_once = max(account.most_calls_at_once, account.calls_under_way)
        try:
            with self.state.lock:
                accounts.require_credits(account)
                body, status = work(account)
                headers = accounts.spend(account, cost)
                self._log(request, account, status)
            return as_json(body, status=status, headers=headers)
        finally:
            with self.state.lock:
                account.calls_under_way -= 1

    def _log(self, request: Request, account: Account, status: int) -> None:
        self.state.calls.append(
            {
                "time": utc_now(),
                "ownerId": account.owner_id,
                "method": request.method,
                "path": request.path.removeprefix(API_PREFIX),
                "query": {name: request.args.getlist(name) for name in request.args},
                "idempotencyKey": request.headers.get("X-Idempotency-Key"),
                "body": request.get_json(silent=True) if request.method in ("POST", "PATCH") else None,
                "status": status,
            }
        )

    def _changed(self, before: Json | None, booking: Json) -> None:
        owner = self.state.properties[booking["propertyId"]]
        self.sender.booking_changed(owner, story_of(self.state, booking), change_between(before, booking))


def _items(request: Request) -> list[Any]:
    """The array that a POST has as its body; how a larger one is refused is not documented."""
    if (request.content_length or 0) > MOST_BYTES:
        raise ApiError(400, 400, "Request body is too large")
    items = request.get_json(silent=True)
    if not isinstance(items, list):
        raise ApiError(400, 400, "Request body must be an array", type=None)
    if len(items) > MOST_ITEMS:
        raise ApiError(400, 400, f"Request body must have at most {MOST_ITEMS} items")
    return items


def _cost_of_writing(items: int) -> float:
    return COST_OF_WRITING + COST_OF_A_FURTHER_ITEM * max(items - 1, 0)


def _drop(environ: WSGIEnvironment) -> None:
    """Cut the connection without an answer."""
    connection: socket.socket = environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
