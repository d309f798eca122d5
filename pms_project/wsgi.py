"""The WSGI application: `gunicorn pms_project.wsgi`."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from pms_project.chunked_bodies import AnnounceLength

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_project.settings")

application = AnnounceLength(get_wsgi_application(), limit=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
