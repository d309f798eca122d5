"""The WSGI application: `gunicorn pms_project.wsgi`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from werkzeug.middleware.proxy_fix import ProxyFix

from pms_project.chunked_bodies import AnnounceLength

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_project.settings")

application: WSGIApplication = AnnounceLength(get_wsgi_application(), limit=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
if settings.TRUSTED_PROXIES:
    # The client's address and scheme, as the nearest of that many proxies have noted them.
    application = ProxyFix(application, x_for=settings.TRUSTED_PROXIES, x_proto=settings.TRUSTED_PROXIES, x_host=0)
