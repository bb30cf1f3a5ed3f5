"""Forms made of what a family says of its parameters, and of what a backtest may be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from analytics.exceptions import AnalyticsError
from analytics.pages.review.parameters import parameter_help, parameter_name

#: Fields of the form of a training that are no parameters.
MORE = ("until", "device")
#: What the API calls a field -> what the form does.
_CALLED = {"from": "start", "to": "end"}


def train_form(
    described: Sequence[Mapping[str, Any]],
    given: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
) -> forms.Form:
    """A field for every parameter, with its range; an empty one means the default."""
    form = forms.Form(given, initial=dict(initial or {}))
    for one in described:
        form.fields[one["name"]] = _field(one)
    form.fields["until"] = forms.DateTimeField(
        required=False,
        label=_("Learn from nothing later than"),
        help_text=_("Empty: up to the newest quote."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    form.fields["device"] = forms.CharField(
        required=False,
        max_length=40,
        label=_("Device"),
        help_text=_("cpu, cuda, ...; empty: the best there is."),
    )
    return form


def parameters(form: forms.Form) -> dict[str, Any]:
    """Of a valid one what was filled in."""
    values = {k: v for k, v in form.cleaned_data.items() if k not in MORE}
    return {name: value for name, value in values.items() if value not in (None, "")}


def refused(form: forms.Form, error: AnalyticsError) -> forms.Form:
    """What the service says against it, at the field that it names."""
    told = False
    for name, text in error.fields.items():
        field = _CALLED.get(name, name)
        if field in form.fields:
            form.add_error(field, str(text))
            told = True
    if not told or error.message not in map(str, error.fields.values()):
        form.add_error(NON_FIELD_ERRORS, error.message)
    return form


def _field(one: Mapping[str, Any]) -> forms.Field:
    common = {
        "required": False,
        "label": capfirst(parameter_name(one["name"])),
        "help_text": parameter_help(one),
        "initial": one["default"],
    }
    if one["type"] == "bool":
        return forms.BooleanField(**common)
    if one["type"] == "str":
        return forms.CharField(**common, max_length=40)
    ends = {"min_value": one["low"], "max_value": one["high"]}
    if one["type"] == "int":
        return forms.IntegerField(**common, **ends, step_size=one.get("multiple"))
    return forms.FloatField(**common, **ends, widget=forms.NumberInput(attrs={"step": "any"}))


class BacktestForm(forms.Form):
    """From when to when, and how often the model is fitted anew."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        day = {"widget": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}
        self.fields["start"] = forms.DateField(
            label=_("From"), help_text=_("The model learns from what came before."), **day
        )
        self.fields["end"] = forms.DateField(
            label=_("To"), help_text=_("Origins and their targets lie before it."), **day
        )
        self.fields["refit_every"] = forms.IntegerField(
            label=_("Fitted anew every so many days"),
            help_text=_("Empty: fitted once."),
            required=False,
            min_value=1,
            max_value=9999,
        )
        self.fields["origin_step"] = forms.IntegerField(
            label=_("Steps between origins"),
            help_text=_("1 is every step of the grid; more is faster."),
            min_value=1,
            max_value=10_000,
            initial=1,
        )
