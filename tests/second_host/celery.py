"""`celery -A tests.second_host`."""

import os

from celery import Celery

from channel_sync.task_packages import TASK_PACKAGES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.second_host.settings")

app = Celery("second_host")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(TASK_PACKAGES)
