"""A query parameter that nobody reads would be dropped in silence: a misspelt filter would answer with every row."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

MAX_NAME = 100


class KnownParameters:
    """Mixin of views: what an action does not document is 400, and the answer names what is known.

    Actions that list know the filters of `filterset_class` and the pages. What else is read is named in
    `query_parameters`, action -> names.
    """

    query_parameters: ClassVar[Mapping[str, Collection[str]]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """After login and rights: what there is to ask is not for strangers."""
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        if request.method == "OPTIONS":
            # It describes the address, with whatever was asked of it.
            return
        known = self._known_parameters()
        told = unknown_parameters(request.query_params, known)
        if told:
            raise ValidationError({name: [detail] for name, detail in told.items()}, code="unknown")

    def _known_parameters(self) -> set[str]:
        view: Any = self
        action = getattr(view, "action", None) or ""
        known = set(self.query_parameters.get(action, ()))
        if action != "list":
            return known
        filterset = getattr(view, "filterset_class", None)
        if filterset is not None and view.filter_backends:
            known |= set(filterset.base_filters)
        if view.paginator is not None:
            known |= {view.paginator.page_query_param, view.paginator.page_size_query_param} - {None}
        return known


def unknown_parameters(said: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """Of each parameter that is not known, what to say of it."""
    choices = f"known are {', '.join(sorted(known))}" if known else "it takes none"
    unknown = (printable(name) for name in said if name not in known)
    return {name: f"'{name}' is no parameter of this address: {choices}." for name in unknown}


def printable(name: str) -> str:
    """A name of a stranger's, short and in valid UTF-8; half of a surrogate pair is valid JSON, and is not."""
    return name[:MAX_NAME].encode(errors="replace").decode()
