"""A simulator whose traffic is kept, to be checked against the description when a test ends."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from requests.structures import CaseInsensitiveDict
from werkzeug.wrappers import Request

from channel_sync.channels.beds24.simulator.app import API_PREFIX, Simulator
from channel_sync.channels.beds24.simulator.deliveries import Delivery
from channel_sync.channels.beds24.simulator.state import Json
from tests.conformance.faults import Exchange, Fault, answer_faults, request_faults, webhook_faults
from tests.conformance.known import is_known

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class RecordedSimulator(Simulator):
    """The simulator, with every exchange and every webhook that it had."""

    def __init__(self, seed: Json | None = None) -> None:
        super().__init__(seed)
        self.exchanges: list[Exchange] = []
        self.webhooks: list[Delivery] = []
        self._recording = threading.Lock()
        self._deliver = self.sender.send
        self.sender.send = self._deliver_and_keep

    def wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request and keep it with its answer."""
        request = Request(environ)
        if not request.path.startswith(API_PREFIX):
            return super().wsgi(environ, start_response)
        body = request.get_data(cache=False)
        environ["wsgi.input"] = io.BytesIO(body)
        started: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            started[:] = [status, headers]
            return start_response(status, headers, exc_info)

        answer = b"".join(super().wsgi(environ, start))
        self._keep(request, body, started, answer)
        return [answer]

    def nonconforming(self, parts: Iterable[str]) -> list[Fault]:
        """What does not conform among `requests`, `answers` or `webhooks`, apart from what is known."""
        with self._recording:
            exchanges, webhooks = list(self.exchanges), list(self.webhooks)
        found: list[Fault] = []
        if "requests" in parts:
            found += [fault for exchange in exchanges for fault in request_faults(exchange)]
        if "answers" in parts:
            found += [fault for exchange in exchanges for fault in answer_faults(exchange)]
        if "webhooks" in parts:
            found += [fault for sent in webhooks for fault in webhook_faults(sent.kind, sent.payload)]
        return sorted({fault for fault in found if not is_known(fault)})

    def _keep(self, request: Request, body: bytes, started: list[Any], answer: bytes) -> None:
        status, headers = started
        exchange = Exchange(
            method=request.method,
            path=request.path.removeprefix(API_PREFIX),
            query=list(request.args.items(multi=True)),
            headers=dict(request.headers),
            body=body,
            status=int(status.split()[0]),
            answer_headers=CaseInsensitiveDict(headers),
            answer=answer,
        )
        with self._recording:
            self.exchanges.append(exchange)

    def _deliver_and_keep(self, delivery: Delivery) -> bool:
        with self._recording:
            self.webhooks.append(delivery)
        return self._deliver(delivery)
