"""The compose file, as far as it can be checked without an engine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings as django_settings

from channel_sync.broker.topology import topology
from channel_sync.conf import channel_sync_settings
from pms_project import gunicorn
from pms_project import settings as host_settings
from pms_project.local_services import nginx

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_every_process_is_there() -> None:
    assert set(SERVICES) == {
        "proxy", "postgres", "rabbitmq", "prepare", "web", "stream", "inbound-worker", "outbound-worker",
        "reconciliation-worker", "beat", "simulator", "demo-data", "watch", "prometheus", "grafana",
    }  # fmt: skip


def test_only_the_proxy_can_be_reached_from_outside() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    outside = {name for name, ports in published.items() if any(not port.startswith("127.0.0.1:") for port in ports)}

    assert outside == {"proxy"}
    assert {port.rsplit(":", 1)[1] for port in published["proxy"]} == {"80", "443"}
    assert {"web", "stream"} & set(published) == set()
    assert not [name for name, service in SERVICES.items() if service.get("network_mode") == "host"]


def test_nothing_runs_with_debug() -> None:
    assert [name for name, service in SERVICES.items() if "DEBUG" in service.get("environment", {})] == []


def test_no_secret_is_written_in_a_file() -> None:
    """Each comes from the environment, and its absence is said before anything starts."""
    named = {
        (service, variable): str(value)
        for service, found in SERVICES.items()
        for variable, value in found.get("environment", {}).items()
        if re.search("KEY|PASS|TOKEN|SECRET|DATABASE_URL|RABBITMQ_URL|OPTIONS", variable)
    }

    assert len(named) > 20
    assert [where for where, value in named.items() if ":?Run docker/make-env first}" not in value] == []
    for path in (ROOT / "docker").rglob("*.y*ml"):
        assert re.findall(r"(?i)^\s*(?:password|credentials|token): ?\S", path.read_text(), re.MULTILINE) == [], path
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"docker/.env", "docker/tls/"} <= set(ignored)


def test_the_demo_is_a_profile() -> None:
    assert {name for name, service in SERVICES.items() if service.get("profiles") == ["demo"]} == {
        "simulator", "demo-data",
    }  # fmt: skip
    assert [name for name in SERVICES if "demo_data" in SERVICES[name].get("command", "")] == ["demo-data"]
    needed = {
        on for name, service in SERVICES.items() if "profiles" not in service for on in service.get("depends_on", {})
    }
    assert needed & {"simulator", "demo-data"} == set()


def test_images_are_pinned_by_exact_tags() -> None:
    images = [service["image"] for service in SERVICES.values() if "image" in service]
    images += re.findall(r"^FROM (\S+)", (ROOT / "docker" / "Dockerfile").read_text(), re.MULTILINE)

    assert [image for image in images if not re.search(r":v?\d+\.\d+", image)] == []


def test_what_listens_has_a_health_check() -> None:
    silent = {"prepare", "demo-data", "beat", "watch"}

    assert {name for name, service in SERVICES.items() if "healthcheck" not in service} == silent


def test_secrets_are_made_once_and_are_as_compose_wants_them(tmp_path: Path) -> None:
    make = [sys.executable, ROOT / "docker" / "make-env", "pms.example", "--directory", tmp_path]
    first = subprocess.run(make, capture_output=True, text=True, check=False)
    written = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
    again = subprocess.run(make, capture_output=True, text=True, check=False)

    assert (first.returncode, again.returncode) == (0, 1)
    assert "left as it is" in again.stderr
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
    wanted = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker" / "compose.yaml").read_text()))
    assert wanted == set(written)
    made = [value for name, value in written.items() if name != "PUBLIC_HOST"]
    assert len(set(made)) == len(made)
    assert all(re.fullmatch(r"[\w-]{50,}", value) for value in made)


def test_the_proxy_gets_all_that_its_configuration_asks_for() -> None:
    asked = set(re.findall(r"\$\{(\w+)\}", nginx.TEMPLATE.read_text()))

    assert asked == set(SERVICES["proxy"]["environment"]) - {"NGINX_ENVSUBST_OUTPUT_DIR"}


def test_the_proxy_takes_what_the_application_takes() -> None:
    """Otherwise the proxy would refuse, in HTML, what a setting allows."""
    template = nginx.TEMPLATE.read_text()
    sizes = [int(size) * 2**20 for size in re.findall(r"client_max_body_size (\d+)m;", template)]

    assert sizes == [3 * 2**20, 2**20]
    assert sizes[0] >= django_settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    assert sizes[1] >= channel_sync_settings().webhook_max_bytes


def test_database_connections_are_enough_for_all_threads() -> None:
    assert gunicorn.workers * gunicorn.threads < 50
    assert gunicorn.worker_class == "gthread"


def test_the_stream_has_a_process_of_its_own_that_production_can_start() -> None:
    command = SERVICES["stream"]["command"].split()

    assert command[:2] == ["uvicorn", "pms_project.asgi:application"]
    assert f"stream:{command[command.index('--port') + 1]}" == SERVICES["proxy"]["environment"]["STREAM_ADDRESS"]
    # The proxy's word on who asks is judged by the application: see TRUSTED_PROXIES.
    assert "--no-proxy-headers" in command
    ending = int(command[command.index("--timeout-graceful-shutdown") + 1])
    assert ending < int(SERVICES["stream"]["stop_grace_period"].removesuffix("s"))
    installed = (ROOT / "requirements.txt").read_text()
    for program in ("uvicorn", "gunicorn"):
        assert re.search(f"^{program}==", installed, re.MULTILINE)


def test_workers_consume_queues_that_exist() -> None:
    prefix = host_settings.CHANNEL_SYNC["queue_prefix"]
    known = {queue.name.removeprefix(prefix) for queue in topology().worked_queues()}
    named = [
        queue
        for service in SERVICES.values()
        for found in re.findall(r"--queues (\S+)", service.get("command", ""))
        for queue in found.split(",")
    ]

    assert set(named) == known


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if "build" in service])
def test_our_processes_get_variables_that_the_settings_read(name: str) -> None:
    source = "".join((ROOT / "pms_project" / file).read_text() for file in ("settings.py", "gunicorn.py"))

    for variable in SERVICES[name]["environment"].keys() - {"PROMETHEUS_MULTIPROC_DIR"}:
        assert f'"{variable}"' in source


def test_commands_of_manage_py_exist() -> None:
    commands = {
        command
        for service in SERVICES.values()
        for command in re.findall(r"manage\.py (\w+)", service.get("command", ""))
    }
    packages = (ROOT / "channel_sync", ROOT / "pms_project")
    files = {path.stem for package in packages for path in package.glob("**/management/commands/*.py")}

    assert commands - files == {"migrate", "collectstatic", "createcachetable"}


def metric_names(expression: str) -> set[str]:
    return set(re.findall(r"channel_sync_\w+", expression))


def told_metrics() -> set[str]:
    """Names as Prometheus sees them."""
    source = "".join((ROOT / "channel_sync" / path).read_text() for path in ("metrics.py", "monitoring/exposition.py"))
    names = set(re.findall(r'"(channel_sync_\w+)"', source))
    return names | {f"{name}{suffix}" for name in names for suffix in ("_total", "_bucket", "_count", "_sum")}


def test_rules_and_dashboard_ask_for_metrics_that_exist() -> None:
    rules = yaml.safe_load((ROOT / "docker" / "prometheus" / "rules.yml").read_text())["groups"][0]["rules"]
    dashboard = json.loads((ROOT / "docker" / "grafana" / "dashboards" / "channel_sync.json").read_text())
    expressions = [rule["expr"] for rule in rules]
    expressions += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]

    asked = set().union(*map(metric_names, expressions))

    assert len(expressions) > 15
    assert asked - told_metrics() == set()


def test_prometheus_has_the_token_of_the_processes() -> None:
    scraped = yaml.safe_load((ROOT / "docker" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"][0]
    options = json.loads(SERVICES["web"]["environment"]["CHANNEL_SYNC_OPTIONS"])

    assert scraped["authorization"] == {"credentials_file": "/run/secrets/metrics_token"}
    assert COMPOSE["secrets"]["metrics_token"] == {"environment": "METRICS_TOKEN"}
    assert options["metrics_token"].startswith("${METRICS_TOKEN:?")
