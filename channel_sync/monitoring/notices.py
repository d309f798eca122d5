"""The ways that tell an alert: a log line, an email, a signed webhook."""

from __future__ import annotations

import json
import logging
import smtplib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

import requests
from django.core.mail import send_mail

from channel_sync.conf import channel_sync_settings
from channel_sync.signature import sign

logger = logging.getLogger(__name__)

WEBHOOK_SECONDS = 5.0


@dataclass(frozen=True)
class Notice:
    """What is told: that something is wrong, or that it is over."""

    alert_id: str
    kind: str
    subject: str
    message: str
    began_at: datetime
    resolved_at: datetime | None = None

    @property
    def state(self) -> str:
        """Fired or resolved."""
        return "fired" if self.resolved_at is None else "resolved"

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "alert": self.alert_id,
            "state": self.state,
            "kind": self.kind,
            "subject": self.subject,
            "message": self.message,
            "began_at": self.began_at.isoformat(),
            "resolved_at": self.resolved_at.isoformat() if self.resolved_at else None,
        }

    def line(self) -> str:
        """In one line."""
        about = f" ({self.subject})" if self.subject else ""
        return f"alert {self.state}: {self.kind}{about}: {self.message}"


def tell(notice: Notice, ways: Iterable[str]) -> list[str]:
    """Tell a notice in each of the ways; those that worked. One that fails is logged and does not stop the others."""
    heard = []
    for way in ways:
        try:
            WAYS[way](notice)
        except (OSError, smtplib.SMTPException, requests.RequestException) as error:
            logger.warning("alert %s could not be told by %s, it is tried again: %s", notice.kind, way, error)
        else:
            heard.append(way)
    return heard


def _log(notice: Notice) -> None:
    logger.log(logging.ERROR if notice.resolved_at is None else logging.WARNING, "%s", notice.line())


def _email(notice: Notice) -> None:
    """From `DEFAULT_FROM_EMAIL`, by the host's email settings."""
    about = f" ({notice.subject})" if notice.subject else ""
    send_mail(
        subject=f"[channel sync] {notice.state}: {notice.kind.replace('_', ' ')}{about}",
        message=f"{notice.message}\n\nSince {notice.began_at:%Y-%m-%d %H:%M:%S %Z}"
        + (f", over since {notice.resolved_at:%Y-%m-%d %H:%M:%S %Z}" if notice.resolved_at else "")
        + ".\n",
        from_email=None,
        recipient_list=list(channel_sync_settings().alert_email_to),
    )


def _webhook(notice: Notice) -> None:
    """POST JSON, signed as webhooks of mode `hmac` are: over `<Unix time>.<body>`."""
    settings = channel_sync_settings()
    body = json.dumps(notice.as_dict()).encode()
    stamp = int(time.time())
    headers = {
        "Content-Type": "application/json",
        settings.webhook_timestamp_header: str(stamp),
        settings.webhook_signature_header: sign(settings.alert_webhook_secret, stamp, body),
    }
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(
            settings.alert_webhook_url, data=body, headers=headers, timeout=WEBHOOK_SECONDS, allow_redirects=False
        )
    if not HTTPStatus.OK <= answer.status_code < HTTPStatus.MULTIPLE_CHOICES:
        raise requests.HTTPError(f"'alert_webhook_url' answered {answer.status_code}; correct it, or its receiver.")


WAYS: dict[str, Callable[[Notice], None]] = {"log": _log, "email": _email, "webhook": _webhook}
