"""Start everything, play, and stay up until Ctrl-C; with `--once` stop after the play."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

from pms_project.demo.broker import broker
from pms_project.demo.parties import PmsApi, SimulatedBeds24
from pms_project.demo.play import Scene, play
from pms_project.local_services import postgres
from pms_project.local_services.errors import ServiceUnavailable
from pms_project.local_services.ports import free_port
from pms_project.local_services.processes import Processes
from pms_project.local_services.stack import connect, demo_hotel, environment, start_all, start_watch

LOGIN = "demo"
STAY_POLL_SECONDS = 1


def main() -> int:
    """0 when everything came out right, 1 when not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="stop after the play")
    parser.add_argument("--embedded", action="store_true", help="start servers even where some answer")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ExitStack() as stack:
            return _run(stack, once=options.once, embedded=options.embedded)
    except ServiceUnavailable as error:
        print(f"The demo cannot run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; nothing is left behind.")
        return 1 if options.once else 0


def _run(stack: ExitStack, *, once: bool, embedded: bool) -> int:
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="channel_sync_demo_")))
    prefix = f"demo-{uuid4().hex[:6]}."
    print("Starting PostgreSQL, broker, simulator, web, three workers, beat and watch …", flush=True)
    database_url = stack.enter_context(postgres.database(stack.enter_context(postgres.server(private=embedded))))
    broker_variables = stack.enter_context(broker(embedded=embedded, directory=directory, queue_prefix=prefix))
    web_port, simulator_port = free_port(), free_port()
    variables = environment(
        database_url=database_url,
        broker_url=broker_variables["RABBITMQ_URL"],
        simulator_port=simulator_port,
        queue_prefix=prefix,
    )
    processes = stack.enter_context(Processes({**variables, **broker_variables}, directory))
    hotel = start_all(
        processes, directory, hotel_command=demo_hotel(LOGIN), web_port=web_port, simulator_port=simulator_port
    )
    web, simulator = f"http://127.0.0.1:{web_port}", f"http://127.0.0.1:{simulator_port}"
    start_watch(processes)
    beds24 = SimulatedBeds24(simulator)
    connected = connect(processes, hotel["property"], web)
    room_type = hotel["room_types"]["Double Room"]
    room = next(found["room"] for found in connected["suggestions"] if found["room_type"] == room_type)

    def reconcile() -> None:
        processes.run("channel_sync_reconcile", connected["channel_property"])

    password = str(hotel["login"]["password"])
    failed = play(Scene(PmsApi(web, LOGIN, password), beds24, room_type, room, reconcile))
    processes.require_alive()
    _tell(failed, processes)
    if not once:
        _stay(processes, web, simulator, password)
    return 1 if failed else 0


def _tell(failed: list[str], processes: Processes) -> None:
    if not failed:
        print("Everything came out right.", flush=True)
        return
    print(f"{len(failed)} checks FAILED:", *failed, sep="\n  ", flush=True)
    for name in ("inbound worker", "outbound worker", "web"):
        lines = processes.log(name).read_text(errors="replace").splitlines()
        print(f"--- the end of the log of the {name}", *lines[-20:], sep="\n", flush=True)


def _stay(processes: Processes, web: str, simulator: str, password: str) -> None:
    print(f"\n  admin       {web}/admin/  (login {LOGIN}, password {password})")
    print(f"  PMS API     {web}/api/docs/")
    print(f"  health      {web}/health/channel-sync")
    print(f"  simulator   {simulator}/simulator/state")
    print("Ctrl-C stops everything.", flush=True)
    while True:
        processes.require_alive()
        time.sleep(STAY_POLL_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
