"""`POST /webhooks/<channel>/`: verify, record, answer; the work is done by a worker."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from http import HTTPStatus
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.channels.canonical import Notification
from channel_sync.conf import channel_sync_settings
from channel_sync.connections.registry import channel_class
from channel_sync.correlation import correlated
from channel_sync.errors import (
    BadSignature,
    MalformedWebhook,
    NotVerified,
    SecretUnreadable,
    UnknownChannel,
    WebhookRejected,
)
from channel_sync.events.message import EventMessage
from channel_sync.inbound.body import parse_objects, read_body
from channel_sync.inbound.last_webhook import note_webhook
from channel_sync.inbound.receipt import receive_notification
from channel_sync.inbound.rejections import note_rejection, write_rejections
from channel_sync.inbound.senders import verified_senders
from channel_sync.metrics import WEBHOOKS
from channel_sync.models import ChannelProperty
from channel_sync.tracing import span

logger = logging.getLogger(__name__)

UNREADABLE = "secret_unreadable"
NOT_VERIFIED = "not_verified"
NO_POST = "no_post"


# Exempt from ATOMIC_REQUESTS: the event has to be committed before it is published and the request answered.
@method_decorator([csrf_exempt, transaction.non_atomic_requests], name="dispatch")
class WebhookView(View):
    """Answers 200 once the events are stored; 400, 401 or 413 for what is no webhook of a connected property.

    503 when its secret cannot be read here: the channel sends it again.
    """

    http_method_names = ["post"]

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """405 with what to switch at the channel: a version of its webhooks without a body comes as GET."""
        channel_name = str(kwargs["channel_name"])
        is_known = channel_name in channel_sync_settings().channels
        hint = channel_class(channel_name).webhook_hint if is_known else "There is no such channel."
        logger.warning("webhook of %s rejected: %s. %s", channel_name[:50], NO_POST, hint)
        WEBHOOKS.labels(channel_name if is_known else "unknown", NO_POST).inc()
        answer = {"error": NO_POST, "detail": f"A webhook is a POST with a JSON body. {hint}"}
        return JsonResponse(answer, status=HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "POST"})

    def post(self, request: HttpRequest, channel_name: str) -> HttpResponse:
        """Take one webhook."""
        with correlated(None) as correlation, span("webhook", correlation, {"channel": channel_name}):
            try:
                is_new = receive(channel_name, request)
            except WebhookRejected as error:
                return _refuse(channel_name, error)
            except SecretUnreadable as error:
                logger.error("webhook of %s cannot be verified, it is to be sent again: %s", channel_name, error)
                WEBHOOKS.labels(channel_name, UNREADABLE).inc()
                answer = {"error": UNREADABLE, "detail": "The webhook cannot be verified now. Send it again."}
                return JsonResponse(answer, status=HTTPStatus.SERVICE_UNAVAILABLE)
            outcome = "accepted" if is_new else "duplicate"
            WEBHOOKS.labels(channel_name, outcome).inc()
            return JsonResponse({"status": outcome, "correlation_id": str(correlation)}, status=HTTPStatus.OK)


def _refuse(channel_name: str, error: WebhookRejected) -> HttpResponse:
    """One answer to whatever is not verified: strangers are not told which properties there are."""
    logger.warning("webhook of %s rejected: %s", channel_name, error.reason)
    if channel_name not in channel_sync_settings().channels:
        WEBHOOKS.labels("unknown", error.reason).inc()
        return JsonResponse({"error": error.reason, "detail": str(error)}, status=error.status)
    WEBHOOKS.labels(channel_name, error.reason).inc()
    answer = {"error": error.reason, "detail": str(error)}
    if isinstance(error, NotVerified):
        note_rejection(channel_name, error.reason, error.property_ids)
        answer = {"error": NotVerified.reason, "detail": NotVerified.answer}
    return JsonResponse(answer, status=error.status)


def receive(channel_name: str, request: HttpRequest) -> bool:
    """Store a webhook as an event, or several as one each, and publish them; False when all are duplicates.

    Each is verified by its own property; those that are genuine are stored, all or none. Raises `WebhookRejected` when
    none is, and `SecretUnreadable`, once the others are stored, where nobody can say whether one is.
    """
    if channel_name not in channel_sync_settings().channels:
        raise UnknownChannel(f"There is no channel '{channel_name}'.")
    body = read_body(request)
    notifications = _notifications(channel_name, parse_objects(body, request.content_type or ""))
    named = dict.fromkeys(notification.external_property_id for notification in notifications)
    senders = verified_senders(channel_name, named, request.headers, body)
    notifications = _of_verified(channel_name, notifications, senders.verified)
    # One webhook is one statement, committed by itself: from then on it is not lost.
    with transaction.atomic() if len(notifications) > 1 else nullcontext():
        received = [receive_notification(senders.verified[one.external_property_id], one) for one in notifications]
    messages: list[EventMessage] = [message for _, message in received if message is not None]
    if messages:
        publish_after_commit(messages)
    for channel_property in senders.verified.values():
        note_webhook(channel_property.id)
    if senders.refused:
        note_rejection(channel_name, BadSignature.reason, senders.refused)
    else:
        write_rejections()
    if senders.unreadable is not None:
        raise senders.unreadable
    return bool(messages)


def _notifications(channel_name: str, payloads: Sequence[dict[str, Any]]) -> list[Notification]:
    """What each payload says; in an array, what is no webhook is left out as long as one is."""
    found: list[Notification] = []
    malformed: list[MalformedWebhook] = []
    for payload in payloads:
        try:
            found.append(channel_class(channel_name).parse_webhook(payload))
        except MalformedWebhook as error:
            malformed.append(error)
    if not found:
        raise malformed[0]
    if malformed:
        logger.warning(
            "webhook of %s: %d of %d are left out: %s", channel_name, len(malformed), len(payloads), malformed[0]
        )
    return found


def _of_verified(
    channel_name: str, notifications: Sequence[Notification], senders: Mapping[str, ChannelProperty]
) -> list[Notification]:
    """Without those of a property that is unknown, or that they are not genuine for; which one is not logged."""
    found = [one for one in notifications if one.external_property_id in senders]
    left_out = len(notifications) - len(found)
    if left_out:
        logger.warning(
            "webhook of %s: %d of %d are left out: %s",
            channel_name,
            left_out,
            len(notifications),
            NOT_VERIFIED,
        )
        WEBHOOKS.labels(channel_name, NOT_VERIFIED).inc(left_out)
    return found
