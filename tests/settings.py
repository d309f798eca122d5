"""The host's settings, for tests: a database of their own, queues under a prefix of their own."""

import os
from uuid import uuid4

os.environ.setdefault("DEBUG", "1")
# Processes that share the tests of a run inherit the variables of the one that started them.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["QUEUE_PREFIX"] = f"test-{uuid4().hex[:8]}."
os.environ.setdefault("QUEUE_PREFIX", f"test-{uuid4().hex[:8]}.")
os.environ.setdefault("DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")

from pms_project.settings import *  # noqa: F403
from pms_project.settings import CHANNEL_SYNC as HOST_OPTIONS
from pms_project.settings import DATABASES

DEBUG = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATABASES["default"]["TEST"] = {"NAME": f"channel_sync_test_{uuid4().hex[:12]}"}
# A thread would write beside the transaction of a test; tests of processes leave it as it is.
CHANNEL_SYNC = {**HOST_OPTIONS, "publish_pause": 0.0, "publish_in_background": False, "api_write_rate": None}
