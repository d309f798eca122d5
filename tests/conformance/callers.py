"""Bare calls to the API of a simulator."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import requests

ARRIVAL = date.today() + timedelta(days=30)
STAY = {"arrival": str(ARRIVAL), "departure": str(ARRIVAL + timedelta(days=2))}
NEW = {"roomId": 2001, **STAY}
DAYS = {"from": STAY["arrival"], "to": STAY["departure"]}


class Caller:
    """Bare calls with a token."""

    def __init__(self, address: str) -> None:
        self._base = f"{address}/v2"
        self.tokens = self.call("GET", "/authentication/setup", headers={"code": "DEMO-INVITE-CODE"}).json()

    def call(self, method: str, path: str, **content: Any) -> requests.Response:
        """Any call; the token is sent where no headers are given."""
        headers = content.pop("headers", None) or {"token": self.tokens["token"]}
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, self._base + path, headers=headers, timeout=5, **content)

    def post(self, path: str, *items: Any) -> list[dict[str, Any]]:
        """The results of a POST, one for each item."""
        answer = self.call("POST", path, json=list(items))
        assert answer.status_code == 201
        results: list[dict[str, Any]] = answer.json()
        return results

    def listed(self, *params: tuple[str, Any], path: str = "/bookings") -> list[dict[str, Any]]:
        """The data of a listing, by default of bookings."""
        data: list[dict[str, Any]] = self.call("GET", path, params=list(params)).json()["data"]
        return data
