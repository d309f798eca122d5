"""The WSGI application of the simulator: routes, tokens, credits and faults around every call."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from channel_sync.channels.beds24.simulator import accounts, bookings, inventory
from channel_sync.channels.beds24.simulator.answers import ApiError, as_json, page_of
from channel_sync.channels.beds24.simulator.control import Control
from channel_sync.channels.beds24.simulator.faults import Fault, FaultKind, Faults
from channel_sync.channels.beds24.simulator.state import DEFAULT_SEED, Account, Json, State, utc_now
from channel_sync.channels.beds24.simulator.webhooks import WebhookSender

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

API_PREFIX = "/v2"
COST_PER_CALL = 1.0
COST_PER_ITEM = 0.01

Answer = tuple[Any, int]


class Simulator:
    """One simulated Beds24; `wsgi` is the application to serve."""

    def __init__(self, seed: Json | None = None) -> None:
        self.state = State()
        self.state.seed(seed or DEFAULT_SEED)
        self.faults = Faults()
        self.sender = WebhookSender(self.faults)
        self._control = Control(self.state, self.faults, self.sender)
        self._map = Map(
            [
                Rule(f"{API_PREFIX}/authentication/<any(setup,token,details):step>", endpoint=self._authentication),
                Rule(f"{API_PREFIX}/bookings", endpoint=self._bookings),
                Rule(f"{API_PREFIX}/inventory/rooms/<any(calendar,availability,offers):part>", endpoint=self._rooms),
                Rule(f"{API_PREFIX}/properties", endpoint=self._properties),
                *self._control_rules(),
            ]
        )

    def wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        request = Request(environ)
        fault = self.faults.next_for(request.method, request.path) if request.path.startswith(API_PREFIX) else None
        if fault is not None and fault.kind is FaultKind.DROP_BEFORE:
            _drop(environ)
        response = self._faulty(fault) or self._answer(request)
        if fault is not None and fault.kind is FaultKind.DROP_AFTER:
            _drop(environ)
        return response(environ, start_response)

    def _faulty(self, fault: Fault | None) -> Response | None:
        """The answer that a fault puts in place of the real one."""
        if fault is None:
            return None
        if fault.kind is FaultKind.SLOW:
            time.sleep(fault.seconds)
        if fault.kind is not FaultKind.STATUS:
            return None
        headers = {"X-FiveMinCreditLimit-ResetsIn": str(int(fault.seconds) or 1)} if fault.status == 429 else {}
        return ApiError(fault.status, fault.status, "fault switched on at the simulator", headers).response()

    def _answer(self, request: Request) -> Response:
        try:
            endpoint, values = self._map.bind_to_environ(request.environ).match()
            answer: Response = endpoint(request, **values)
            return answer
        except ApiError as error:
            return error.response()
        except HTTPException as error:
            return ApiError(error.code or 500, error.code or 500, error.name).response()

    def _authentication(self, request: Request, step: str) -> Response:
        if step == "details":
            with self.state.lock:
                known = accounts.account_of_token(self.state, request)
            if known is None:
                # A token that is not valid is no error of this call: it is what the call is asked for.
                return as_json({"validToken": False})
            return self._call(request, 0, lambda account: (accounts.details(account), 200))
        with self.state.lock:
            account, body = (accounts.set_up if step == "setup" else accounts.refresh)(self.state, request)
            headers = accounts.spend(account, COST_PER_CALL)
            self._log(request, account, 200)
        return as_json(body, headers=headers)

    def _bookings(self, request: Request) -> Response:
        if request.method == "GET":
            return self._list(request, "booking", lambda account: bookings.find(self.state, account, request.args))
        if request.method == "DELETE":
            ids = request.args.getlist("id")
            return self._call(request, len(ids), lambda account: (bookings.delete(self.state, account, ids), 200))
        items = _items(request)
        return self._call(
            request, len(items), lambda account: (bookings.write(self.state, account, items, self._changed), 201)
        )

    def _rooms(self, request: Request, part: str) -> Response:
        if request.method == "POST" and part == "calendar":
            items = _items(request)
            return self._call(
                request, len(items), lambda account: (inventory.write_calendar(self.state, account, items), 201)
            )
        read = {"calendar": inventory.calendar, "availability": inventory.availability, "offers": inventory.offers}[
            part
        ]
        return self._list(request, part, lambda account: read(self.state, account, request.args))

    def _properties(self, request: Request) -> Response:
        with_rooms = request.args.get("includeAllRooms") == "true"
        return self._list(request, "property", lambda account: inventory.properties(self.state, account, with_rooms))

    def _list(self, request: Request, kind: str, read: Callable[[Account], list[Json]]) -> Response:
        page = request.args.get("page", default=1, type=int)
        return self._call(request, 0, lambda account: (page_of(read(account), kind, max(page, 1)), 200))

    def _call(self, request: Request, items: int, work: Callable[[Account], Answer]) -> Response:
        """An authenticated call: token, credits, effect, log."""
        with self.state.lock:
            account = accounts.authenticate(self.state, request)
            account.calls_under_way += 1
            account.most_calls_at_once = max(account.most_calls_at_once, account.calls_under_way)
        try:
            with self.state.lock:
                headers = accounts.spend(account, COST_PER_CALL + COST_PER_ITEM * items)
                body, status = work(account)
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
                "body": request.get_json(silent=True) if request.method == "POST" else None,
                "status": status,
            }
        )

    def _changed(self, booking: Json) -> None:
        self.sender.booking_changed(self.state.properties[booking["propertyId"]], booking)

    def _control_rules(self) -> list[Rule]:
        control = self._control
        routes: list[tuple[str, str, Callable[..., Json]]] = [
            ("POST", "/reset", control.reset),
            ("GET", "/state", control.show),
            ("GET", "/calls", control.calls),
            ("DELETE", "/calls", control.forget_calls),
            ("POST", "/bookings", control.book),
            ("PATCH", "/bookings/<int:booking_id>", control.change),
            ("DELETE", "/bookings/<int:booking_id>", control.remove),
            ("PATCH", "/rooms/<int:room_id>", control.touch_room),
            ("GET", "/rooms/<int:room_id>/calendar", control.room_calendar),
            ("PUT", "/properties/<int:property_id>/webhook", control.set_webhook),
            ("PUT", "/webhooks", control.set_webhook_behaviour),
            ("POST", "/faults", control.add_fault),
            ("DELETE", "/faults", control.clear_faults),
        ]
        return [
            Rule(f"/simulator{path}", methods=[method], endpoint=_as_endpoint(function))
            for method, path, function in routes
        ]


def _as_endpoint(function: Callable[..., Json]) -> Callable[..., Response]:
    return lambda request, **values: as_json(function(request, **values))


def _items(request: Request) -> Any:
    items = request.get_json(silent=True)
    if not isinstance(items, list):
        raise ApiError(400, 400, "The body has to be a JSON array")
    return items


def _drop(environ: WSGIEnvironment) -> None:
    """Cut the connection without an answer."""
    connection: socket.socket = environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
