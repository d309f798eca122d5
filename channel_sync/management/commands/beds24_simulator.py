"""`manage.py beds24_simulator`: a Beds24 to develop and test against."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from channel_sync.channels.beds24.simulator.app import API_PREFIX, Simulator
from channel_sync.channels.beds24.simulator.server import simulator_server
from channel_sync.channels.beds24.simulator.state import DEFAULT_SEED


class Command(BaseCommand):
    """Serves the API of Beds24 under /v2 and its controls under /simulator; keeps its state in memory."""

    help = (
        "Serve a simulated Beds24 over HTTP: tokens, credits, paging, bookings, calendar, webhooks and faults. "
        "docs/simulator.md lists its controls."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen, and what is there."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8024)
        parser.add_argument("--seed", type=Path, help="JSON file with accounts, properties and rooms.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until interrupted."""
        seed = DEFAULT_SEED
        if options["seed"]:
            try:
                seed = json.loads(options["seed"].read_text())
            except (OSError, ValueError) as error:
                raise CommandError(f"The seed {options['seed']} cannot be read: {error}.") from error
        server = simulator_server(Simulator(seed), options["host"], options["port"])
        address = f"http://{options['host']}:{server.server_port}"
        self.stdout.write(f"Beds24 simulator: API {address}{API_PREFIX}, controls {address}/simulator/state")
        for account in seed["accounts"]:
            codes = ", ".join(account.get("invite_codes", []))
            self.stdout.write(f"  account {account['owner_id']}, invite codes: {codes}")
        self.stdout.flush()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            self.stdout.write("Simulator stopped.")
        finally:
            server.server_close()
