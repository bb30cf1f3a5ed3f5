"""The actions on markets that ask for a training."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from analytics.admin.base import confirmed, operate
from analytics.models import Market
from analytics.models.choices import Task
from analytics.services.jobs.training import training_request
from analytics.services.registry.families import family_list


def train(label: Any, *tasks: str) -> Callable[..., None]:
    """An action that trains these tasks, each by its default family."""

    def action(
        model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet[Market]
    ) -> None:
        # Each task on its own: a twin that is open must not stop the others.
        for task in tasks:
            _ask(model_admin, request, queryset, task)

    asked = confirmed(_("Train these markets?"))(action)
    return admin.action(description=label, permissions=["train"])(asked)


def _ask(
    model_admin: admin.ModelAdmin,
    request: HttpRequest,
    markets: QuerySet[Market],
    task: str,
    family: str | None = None,
) -> None:
    operate(
        model_admin,
        request,
        markets,
        lambda market: training_request(
            market=market, task=task, family=family, params={}, requested_by=request.user
        ),
    )


def family_choices() -> list[tuple[Any, list[tuple[str, str]]]]:
    """Every family under its task."""
    by_task = groupby(family_list(), key=lambda found: found["task"])
    return [
        (Task(task).label, [(f"{task} {found['name']}", found["name"]) for found in families])
        for task, families in by_task
    ]


class FamilyForm(forms.Form):
    """Which network to train."""

    chosen = forms.ChoiceField(label=_("model family"), choices=family_choices)


@admin.action(description=_("Train: choose the family..."), permissions=["train"])
def train_family(
    model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet[Market]
) -> HttpResponse | None:
    """First a page that asks which family."""
    form = FamilyForm(request.POST if "confirmed" in request.POST else None)
    if form.is_valid():
        task, family = form.cleaned_data["chosen"].split()
        _ask(model_admin, request, queryset, task, family)
        return None
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Train: choose the family"),
        "opts": model_admin.opts,
        "form": form,
        "markets": queryset,
        "checkbox_name": ACTION_CHECKBOX_NAME,
        "media": model_admin.media,
    }
    return TemplateResponse(request, "admin/analytics/train.html", context)
