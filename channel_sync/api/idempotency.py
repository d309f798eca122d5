"""`Idempotency-Key`: a request that creates, sent twice with one key, creates once and is answered alike.

Where all of the creation is one transaction, the answer is stored in it: a process that dies leaves neither. Work that
calls the outside world holds a lock of its session instead, and its answer is stored when it is done: of a process that
dies in between the work may be there without the answer, and the same request is then judged by what it finds.

An answer is given again only to who has the right to what it says at that moment.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps
from http import HTTPStatus
from typing import Any, Protocol
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from channel_sync.database_lock import session_lock, try_lock_in_transaction
from channel_sync.errors import NotYet
from channel_sync.models import StoredAnswer

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEPT_FOR = timedelta(hours=24)
LONGEST_KEY = 255
LARGEST_BODY = 256 * 1024
KEPT_HEADERS = ("Location", "ETag")
PARAMETER = OpenApiParameter(
    HEADER, str, OpenApiParameter.HEADER,
    description="1 to 255 visible ASCII characters, such as a UUID: sent again within a day, with the same body, it is "
    f"answered as the first time, with `{REPLAYED}: true`.",
)  # fmt: skip

Create = Callable[..., Response]


class SaysWhose(Protocol):
    """A view that says whose its answers are, by properties of the PMS."""

    def properties_in(self, answer: Response) -> Collection[UUID]:
        """Those that the rows of an answer belong to; asked in the request that has made them."""

    def require_rights_on(self, properties: Collection[UUID]) -> None:
        """Raise `Http404` or `PermissionDenied` unless the user may do this action on all of them now."""


class KeyInUse(APIException):
    """The first request with this key is under way."""

    status_code = HTTPStatus.CONFLICT
    default_detail = "A request with this Idempotency-Key is under way. Wait for its answer, or send it again later."
    default_code = "idempotency_key_in_use"


class KeyOfAnother(APIException):
    """The key came with another request before."""

    status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    default_detail = "This Idempotency-Key came with another request before. Take a new key for a new request."
    default_code = "idempotency_key_reused"


class AnswerNotKept(APIException):
    """It was done before, but its answer is not kept."""

    status_code = HTTPStatus.CONFLICT
    default_detail = "This request was carried out before; its answer was too large to keep, or held a secret."
    default_code = "answer_not_kept"


def idempotent(*, in_transaction: bool, holds_secret: bool = False) -> Callable[[Create], Create]:
    """Decorator of an action that creates. The body of an answer that `holds_secret` is never stored.

    Refusals are not stored: what was refused may be sent again with the same key.
    """

    def decorate(create: Create) -> Create:
        @wraps(create)
        def once(view: SaysWhose, request: Request, *args: Any, **kwargs: Any) -> Response:
            key = _key_of(request)
            if key is None:
                return create(view, request, *args, **kwargs)
            fingerprint = _fingerprint(request)
            with _alone(request.user.pk, key, in_transaction=in_transaction):
                before = StoredAnswer.objects.filter(
                    user=request.user.pk, key=key, created_at__gt=Now() - KEPT_FOR
                ).first()
                if before is not None:
                    return _again(before, fingerprint, view)
                answer = create(view, request, *args, **kwargs)
                is_kept = not holds_secret
                _store(request.user.pk, key, fingerprint, answer, view.properties_in(answer), is_kept=is_kept)
                return answer

        once.is_idempotent = True  # type: ignore[attr-defined]
        return once

    return decorate


def _key_of(request: Request) -> str | None:
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not 1 <= len(key) <= LONGEST_KEY or not all("!" <= character <= "~" for character in key):
        raise ValidationError({HEADER: [f"1 to {LONGEST_KEY} visible ASCII characters are needed."]})
    return str(key)


def _fingerprint(request: Request) -> str:
    said = json.dumps([request.method, request.path, request.data], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


@contextmanager
def _alone(user_id: Any, key: str, *, in_transaction: bool) -> Iterator[None]:
    name = ("idempotency", user_id, key)
    if in_transaction:
        with transaction.atomic():
            if not try_lock_in_transaction(*name):
                raise KeyInUse
            yield
        return
    lock = session_lock(*name, wait=timedelta(milliseconds=1))
    try:
        lock.__enter__()
    except NotYet:
        raise KeyInUse from None
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def _again(before: StoredAnswer, fingerprint: str, view: SaysWhose) -> Response:
    if before.fingerprint != fingerprint:
        raise KeyOfAnother
    if before.body is None or not before.properties:
        raise AnswerNotKept
    view.require_rights_on(before.properties)
    return Response(before.body, status=before.status, headers={**before.headers, REPLAYED: "true"})


def _store(
    user_id: Any, key: str, fingerprint: str, answer: Response, properties: Collection[UUID], *, is_kept: bool
) -> None:
    body = json.dumps(answer.data, cls=JSONEncoder)
    is_kept = is_kept and len(body) <= LARGEST_BODY
    StoredAnswer.objects.update_or_create(
        user_id=user_id,
        key=key,
        defaults={
            "fingerprint": fingerprint,
            "status": answer.status_code,
            "body": json.loads(body) if is_kept else None,
            "properties": sorted(properties),
            "headers": {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers},
            "created_at": Now(),
        },
    )
