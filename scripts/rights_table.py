"""Print who may use what, as docs/rights.md has it: `python -m scripts.rights_table > docs/rights.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping

from tests.who_sees_what import (
    ADMIN_ACTIONS,
    ADMIN_PAGES,
    ALLOWED,
    BESIDE,
    CHANNEL_SYNC_API,
    LOGIN_API,
    PMS_API,
    Caller,
    Needs,
)

HEAD = """# Who sees what

A role is held for one property, or for all that a user may see; each may do what the one before it may. Roles for all
are the groups that `migrate` makes ("channel sync viewers", "… operators", "… administrators"). Roles for one property
are given in the admin ("Roles for a property") by administrators of all properties and by who may change users, before
it is connected or later; each grant is in the audit.

The host caps all of it: what the port's `visible_properties(user)` leaves out is not shown, counted, found by a filter
or acted on. In the reference PMS these are the hotels that a user works in ("Hotel memberships" in the admin), or all
of them with the permission "Works in all hotels"; without either a user sees no hotel. Rows of the PMS itself ask for
Django's model permissions besides.

- A row of a property that one does not see is not found: the answer is the one about an id that does not exist. With
  too low a role on a property that one sees it is 403.
- What is about no property (queues, calls and credits of accounts, alerts and audit entries without one) is for who has
  the role for all properties, uncapped.
- Guests' data, in payloads and conflicts, are for operators of their property.
- Lists of the admin take the lookups of their filters, and no other.
- `/metrics`, `/health/…` and webhooks are not for people; see [operations.md](operations.md).

The tables are printed by `python -m scripts.rights_table`, from what `tests/integration/test_who_sees_what.py` tries:
each line as each of these, against rows of two hotels. "yes" is for a row, or a list, of the hotel that the user works
in. Rows of any other hotel are found by nobody but the last.
"""


def document() -> str:
    """The whole of docs/rights.md."""
    parts = [
        HEAD,
        "## The API of channel_sync\n",
        _table(((f"{method.upper()} `{path}`", needs) for (method, path), needs in CHANNEL_SYNC_API.items())),
        "## Pages of the admin\n",
        _table((f"{name.replace('_', ' ')}", needs) for name, needs in ADMIN_PAGES.items()),
        "## Buttons and actions of the admin\n",
        _table((f"{page.replace('_', ' ')}: {what}", needs) for (page, what), needs in ADMIN_ACTIONS.items()),
        "## The API of the reference PMS\n",
        _table(((f"{method.upper()} `{path}`", needs) for (method, path), needs in PMS_API.items())),
        "## The login of the reference PMS\n",
        _table(((f"{method.upper()} `{path}`", needs) for (method, path), needs in LOGIN_API.items())),
        "## Beside them\n",
        _table((f"{name.replace('_', ' ')}", needs) for name, needs in BESIDE.items()),
    ]
    return "\n".join(parts)


def _table(rows: Iterable[tuple[str, Needs]]) -> str:
    return "\n".join([*_head(), *(_row(name, needs, ALLOWED) for name, needs in rows), ""])


def _head() -> Iterator[str]:
    yield "| what | needs | " + " | ".join(Caller) + " |"
    yield "| --- | --- |" + " --- |" * len(Caller)


def _row(name: str, needs: Needs, allowed: Mapping[Needs, frozenset[Caller]]) -> str:
    marks = ("yes" if caller in allowed[needs] else "-" for caller in Caller)
    return f"| {name} | {needs} | " + " | ".join(marks) + " |"


if __name__ == "__main__":
    sys.stdout.write(document())
