"""The tasks that deliver: one looks who is due, one works a single subscription, so that a slow one holds up itself."""

from __future__ import annotations

from uuid import UUID

from celery import current_app, shared_task

from channel_sync.broker.celery_options import SUBSCRIPTIONS_TASK
from channel_sync.broker.topology import topology
from channel_sync.fleeting import FleetingTask
from channel_sync.subscriptions.delivery import deliver, due_subscriptions

DELIVER_TASK = "channel_sync.deliver"
RUN_EXPIRES_SECONDS = 10
# A second message of the same finds nothing to do; a queue that is busy for longer gets new ones.
DELIVERY_EXPIRES_SECONDS = 30


@shared_task(name=SUBSCRIPTIONS_TASK, base=FleetingTask, ignore_result=True, fleeting_seconds=RUN_EXPIRES_SECONDS)
def start_deliveries() -> None:
    """Beat starts it every few seconds."""
    for subscription_id in due_subscriptions():
        current_app.send_task(
            DELIVER_TASK,
            args=[str(subscription_id)],
            queue=topology().reconciliation.name,
            expiration=DELIVERY_EXPIRES_SECONDS,
            ignore_result=True,
        )


@shared_task(name=DELIVER_TASK, base=FleetingTask, ignore_result=True)
def deliver_to(subscription_id: str) -> None:
    """Send one subscription what waits for it."""
    deliver(UUID(subscription_id))
