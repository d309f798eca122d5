"""The compose file, as far as it can be checked without an engine."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from channel_sync.broker.topology import topology
from pms_project import settings as host_settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_every_process_is_there() -> None:
    assert set(SERVICES) == {
        "postgres", "rabbitmq", "prepare", "web", "inbound-worker", "outbound-worker", "reconciliation-worker", "beat",
        "simulator", "watch", "prometheus", "grafana",
    }  # fmt: skip


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
    source = (ROOT / "pms_project" / "settings.py").read_text()

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

    assert commands - files == {"migrate"}


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

    assert scraped["authorization"]["credentials"] == options["metrics_token"]
