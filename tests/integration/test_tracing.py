"""One trace from the webhook to the last call of the channel; its id is the correlation id."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.test import Client
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from channel_sync import tracing
from channel_sync.events.processing import process
from channel_sync.models import ChannelEvent
from tests.beds24_webhooks import LATER, webhook
from tests.conftest import ConnectedHotel

pytestmark = pytest.mark.django_db


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_tracer", lambda: provider.get_tracer("test"))
    yield exporter
    provider.shutdown()


def deliver(client: Client, hotel: ConnectedHotel, **changes: object) -> str:
    headers = {"X-Channel-Sync-Secret": hotel.webhook_secret}
    body = json.dumps(webhook(**changes))
    answer = client.post("/webhooks/beds24/", body, content_type="application/json", headers=headers)
    return str(answer.json()["correlation_id"])


def test_webhook_worker_and_call_are_one_trace(
    client: Client, connected: ConnectedHotel, spans: InMemorySpanExporter
) -> None:
    deliver(client, connected)
    process(ChannelEvent.objects.get().id)
    spans.clear()
    # Of the same second as the last one: the channel is asked.
    correlation = deliver(client, connected, price=300)
    event = ChannelEvent.objects.get(correlation_id=correlation)
    process(event.id)

    found = spans.get_finished_spans()
    names = {span.name for span in found}
    assert {"webhook", "inbound booking.created", "GET /bookings"} <= names
    assert {format(span.context.trace_id, "032x") for span in found} == {correlation.replace("-", "")}
    worker = next(span for span in found if span.name.startswith("inbound"))
    call = next(span for span in found if span.name == "GET /bookings")
    assert call.parent.span_id == worker.context.span_id


def test_without_the_package_nothing_is_traced(
    client: Client, connected: ConnectedHotel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "trace", None)

    deliver(client, connected, modifiedTime=LATER)

    assert ChannelEvent.objects.count() == 1
    assert trace.get_current_span().get_span_context().trace_id == 0
