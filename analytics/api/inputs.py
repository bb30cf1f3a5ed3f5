"""Parameters of a request: they may stand in the query, in the JSON body or in both; here they are
merged, checked for names, types and shape, and handed on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.serializers import ListField, Serializer

from analytics.api.fields import Input
from analytics.api.parsers import LONGEST_NAME, json_kind
from analytics.exceptions import InvalidInput
from analytics.models import Market
from analytics.selectors.prices import market_get

#: DRF itself reads this one from the query.
_ALWAYS_KNOWN = frozenset({"format"})
#: No number needs more characters; longer ones overflow where they are compared.
_LONGEST_VALUE = 64
_MOST_PARAMETERS = 100


def merged_input(
    request: Request,
    *,
    allowed: Collection[str] | None = None,
    body_only: Collection[str] = (),
) -> dict[str, Any]:
    """Parameters of the query and of the JSON body as one dictionary; the query wins, but may not
    contradict the body. With `allowed`, any other name is an error."""
    body = request.data
    if not isinstance(body, Mapping):
        raise InvalidInput(
            _("The body must be a JSON object, not %(kind)s.") % {"kind": json_kind(body)},
            "bad_shape",
            {"body": _("Must be a JSON object.")},
        )
    query = query_input(request)
    check_names([*query, *body], allowed)
    problems = {name: _("Send this in the JSON body.") for name in query if name in body_only}
    problems |= {
        name: _("The query and the body say different things.")
        for name, text in query.items()
        if name in body and name not in problems and not _same(text, body[name])
    }
    if problems:
        raise InvalidInput(_("Some parameters contradict each other."), "contradiction", problems)
    return {**body, **query}


def query_input(
    request: Request,
    allowed: Collection[str] | None = None,
    *,
    choices: Collection[str] = (),
) -> dict[str, str]:
    """The query's parameters, each once; with `allowed`, any other name is an error. Of those that
    are `choices` one may name several values, none of them twice, and the first is answered."""
    found = dict(request.query_params.lists())
    twice = [
        name
        for name, values in found.items()
        if len(values) > (len(set(values)) if name in choices else 1)
    ]
    if twice:
        raise InvalidInput(
            _("The query names a parameter twice."),
            "contradiction",
            {name[:LONGEST_NAME]: _("Named twice.") for name in twice},
        )
    check_names(found, allowed)
    return {name: values[0] for name, values in found.items() if name not in _ALWAYS_KNOWN}


def refuse_empty(request: Request) -> None:
    """Raises InvalidInput (empty_parameter) naming what the query gives without a value."""
    query = request.query_params.lists()
    empty = [name for name, values in query if not all(value.strip() for value in values)]
    if empty:
        raise InvalidInput(
            _("A parameter has no value: give one, or leave it out."),
            "empty_parameter",
            dict.fromkeys(empty, _("Must not be empty.")),
        )


def check_names(names: Collection[str], allowed: Collection[str] | None) -> None:
    """Raises InvalidInput naming what is not among `allowed` (any name is, where that is None)."""
    known = None if allowed is None else {*allowed, *_ALWAYS_KNOWN}
    wrong = [n for n in names if len(n) > LONGEST_NAME or (known is not None and n not in known)]
    if not wrong:
        return
    shown = sorted({name[:LONGEST_NAME] for name in wrong})[:20]
    choices = ", ".join(sorted(allowed or ()))
    text = _("Unknown; known are %(names)s.") % {"names": choices} if choices else _("Unknown.")
    raise InvalidInput(
        _("Unknown parameters: %(names)s.") % {"names": ", ".join(shown)},
        "unknown_parameter",
        dict.fromkeys(shown, text),
    )


def _same(text: str, value: Any) -> bool:
    if isinstance(value, (list, dict)):
        return False
    if text.strip().lower() == str(value).strip().lower():
        return True
    if isinstance(value, bool):
        return False
    try:
        return float(text) == float(value)
    except (TypeError, ValueError, OverflowError):
        return False


# ------------------------------------------------------------------------------- checked inputs
def read(request: Request, serializer: type[Input]) -> dict[str, Any]:
    """Query and body, checked for names, types and shape by an input serializer."""
    names, lists = _named(serializer)
    return checked(serializer, merged_input(request, allowed=names, body_only=lists))


def read_query(request: Request, serializer: type[Input]) -> dict[str, Any]:
    """The same of the query alone."""
    return checked(serializer, query_input(request, allowed=_named(serializer)[0]))


def read_with_params(
    request: Request, serializer: type[Input]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the serializer knows, checked; and the rest: parameters of a family, which the service
    checks."""
    given = merged_input(request)
    known = set(_named(serializer)[0])
    values = checked(serializer, {k: v for k, v in given.items() if k in known})
    params = {k: v for k, v in given.items() if k not in known}
    if len(params) > _MOST_PARAMETERS:
        raise InvalidInput(_("These are too many parameters."), "unknown_parameter")
    too_long = [k for k, v in params.items() if isinstance(v, str) and len(v) > _LONGEST_VALUE]
    if too_long:
        raise InvalidInput(
            _("Some training parameters cannot be used."),
            "bad_config",
            dict.fromkeys(too_long, _("too long")),
        )
    return values, params


def checked(serializer: type[Serializer], data: Any) -> dict[str, Any]:
    """Validated data; raises DRF's ValidationError, which becomes the one error shape."""
    form = serializer(data=data)
    # Making the fields anew takes longer than checking with them; they hold nothing of a request.
    form.__dict__["fields"] = _fields_of(serializer, get_language())
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


@lru_cache(maxsize=256)
def _named(serializer: type[Input]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of its fields, and of those among them that are lists."""
    fields = serializer().fields
    lists = (name for name, field in fields.items() if isinstance(field, ListField))
    return tuple(fields), tuple(lists)


@lru_cache(maxsize=1024)
def _fields_of(serializer: type[Serializer], language: str | None) -> Any:
    """Its fields. Some messages keep the first language that they were said in, so every language
    has its own."""
    return serializer().fields


def chosen_market(values: dict[str, Any]) -> Market:
    """The market that the input names, or the only one there is."""
    return market_get(values.pop("market", None))


def refuse_beside(name: str, others: Collection[str], values: Mapping[str, Any]) -> None:
    """Raises InvalidInput (contradiction) where the input has that name and one of the others."""
    both = [other for other in others if name in values and other in values]
    if both:
        raise InvalidInput(
            _("Some parameters contradict each other."),
            "contradiction",
            {other: _("Send this or %(name)s, not both.") % {"name": name} for other in both}
            | {name: _("Leave out %(names)s.") % {"names": ", ".join(both)}},
        )


def caller(request: Request) -> Any:
    """Who is asking, for the trail; None where the API is open."""
    return request.user if request.user and request.user.is_authenticated else None
