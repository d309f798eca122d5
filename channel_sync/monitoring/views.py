"""`GET /health/channel-sync`, liveness and readiness, and `/metrics`."""

from __future__ import annotations

import hmac
from http import HTTPStatus

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from channel_sync.conf import channel_sync_settings
from channel_sync.monitoring.exposition import exposition
from channel_sync.monitoring.health import Health, HealthStatus, Life, database_state, look

BEARER = "Bearer "


# Exempt from ATOMIC_REQUESTS: they have to answer without a database.
@transaction.non_atomic_requests
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """200 while everything answers, 503 when something does not; which, the body says."""
    found = look()
    code = HTTPStatus.SERVICE_UNAVAILABLE if found.status is HealthStatus.UNHEALTHY else HTTPStatus.OK
    return JsonResponse(as_dict(found), status=code)


@transaction.non_atomic_requests
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers at all: restart it when this fails."""
    return JsonResponse({"status": "live"})


@transaction.non_atomic_requests
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 while webhooks can be verified and stored, 503 while not: a broker that is down does not matter to that."""
    state = database_state()
    if state is None:
        return _not_ready(database={"connected": False})
    if not state.is_writable:
        return _not_ready(database={"connected": True, "writable": False})
    if state.keys_are_wrong:
        return _not_ready(secrets=_secrets(state))
    return JsonResponse({"status": "ready"})


def _not_ready(**why: object) -> JsonResponse:
    return JsonResponse({"status": "not ready", **why}, status=HTTPStatus.SERVICE_UNAVAILABLE)


@transaction.non_atomic_requests
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The metrics for Prometheus, to who brings the token of the settings."""
    wanted = channel_sync_settings().metrics_token
    sent = request.headers.get("Authorization", "")
    if not wanted or not hmac.compare_digest(sent.encode(), f"{BEARER}{wanted}".encode()):
        return HttpResponse("Set CHANNEL_SYNC['metrics_token'] and send it as a bearer token.\n", status=403)
    body, content_type = exposition(request.headers.get("Accept", ""))
    return HttpResponse(body, content_type=content_type)


def as_dict(found: Health) -> dict[str, object]:
    """Database, broker, queues and channels, which workers are alive, and whether beat is."""
    return {
        "status": found.status.value,
        "rabbitmq": {"connected": found.is_broker_connected},
        "database": {"connected": found.life is not None, **_unwritable(found)},
        **{f"{name}_api": {"reachable": answers} for name, answers in found.reachable_channels.items()},
        "queues": {
            name: {"depth": depth, "status": found.queue_status(name, depth).value}
            for name, depth in found.depths_by_name().items()
        },
        "missing_queues": list(found.depths.missing),
        "workers": {"missing": found.missing_workers} if found.life is not None else {"missing": None},
        "beat": {"alive": found.life.is_beat_alive if found.life is not None else None},
        "paused": _paused(found),
        "secrets": _secrets(found.life),
        "clocks": {"ahead_seconds": dict(found.life.wrong_clocks) if found.life is not None else None},
    }


def _unwritable(found: Health) -> dict[str, bool]:
    return {"writable": False} if found.life is not None and not found.life.is_writable else {}


def _secrets(life: Life | None) -> dict[str, object]:
    """How many, and which processes: of which table and row the alert says."""
    if life is None:
        return {"keys": None, "unreadable": None, "processes_with_wrong_keys": None}
    return {
        "keys": "wrong" if life.keys_are_wrong else "ok",
        "unreadable": life.unreadable_secrets,
        "processes_with_wrong_keys": list(life.wrong_keys),
    }


def _paused(found: Health) -> dict[str, object]:
    """How many properties, and since when; by whom is not for everybody."""
    life = found.life
    if life is None:
        return {"properties": None, "since": None}
    return {"properties": life.paused, "since": life.paused_since.isoformat() if life.paused_since else None}
