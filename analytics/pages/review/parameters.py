"""The parameters of a training in words: a name, and what it does in a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.pages.numbers import written

#: Raw name -> (name, what it does).
PARAMETERS = {
    "epochs": (
        gettext_lazy("passes over the data"),
        gettext_lazy("Most passes over the training windows."),
    ),
    "batch_size": (gettext_lazy("windows per step"), gettext_lazy("Windows per optimiser step.")),
    "learning_rate": (gettext_lazy("peak step size"), gettext_lazy("Peak step size of AdamW.")),
    "weight_decay": (
        gettext_lazy("weight decay"),
        gettext_lazy("Decoupled weight decay of AdamW."),
    ),
    "patience": (gettext_lazy("patience"), gettext_lazy("Epochs without gain before stopping.")),
    "grad_clip": (gettext_lazy("largest gradient"), gettext_lazy("Largest norm of the gradient.")),
    "seed": (gettext_lazy("seed"), gettext_lazy("Seed of every random choice.")),
    "window": (gettext_lazy("rows looked at"), gettext_lazy("Grid rows that the network sees.")),
    "members": (
        gettext_lazy("networks averaged"),
        gettext_lazy("Networks averaged, each with its own seed."),
    ),
    "hidden": (gettext_lazy("recurrent units"), gettext_lazy("Units of the recurrent net.")),
    "width": (
        gettext_lazy("units per layer"),
        gettext_lazy("Units per layer of the summary branch."),
    ),
    "dropout": (gettext_lazy("dropout"), gettext_lazy("Share of units dropped in training.")),
    "markets": (
        gettext_lazy("other markets"),
        gettext_lazy("Most other markets that it learns from."),
    ),
    "market_windows": (
        gettext_lazy("windows of another market"),
        gettext_lazy("Most windows of each other market."),
    ),
    "own_share": (
        gettext_lazy("share of the own windows"),
        gettext_lazy("Least share of the market's own windows in what is learned."),
    ),
    "embedding": (
        gettext_lazy("size of the embedding"),
        gettext_lazy("Numbers that a market is known by."),
    ),
    "trend": (
        gettext_lazy("rows of the trend"),
        gettext_lazy("Rows of the mean that is the trend."),
    ),
    "latent": (gettext_lazy("size of the code"), gettext_lazy("Numbers in the code of a window.")),
    "channels": (gettext_lazy("channels"), gettext_lazy("Channels of the convolutions.")),
    "steps": (gettext_lazy("steps of an epoch"), gettext_lazy("Most optimiser steps of an epoch.")),
    "folds": (gettext_lazy("folds"), gettext_lazy("Stretches of time that are held out in turn.")),
    "average": (
        gettext_lazy("decay of the mean weights"),
        gettext_lazy("Decay of the mean of the weights."),
    ),
    "auxiliary": (
        gettext_lazy("weight of the side task"),
        gettext_lazy("Weight of guessing the figures behind the labels."),
    ),
}


def parameter_name(raw: str) -> str:
    """Its name; one that nobody named stands for itself."""
    return str(PARAMETERS[raw][0]) if raw in PARAMETERS else raw


def parameter_help(described: Mapping[str, Any]) -> str:
    """What it does, its range and its default, of an entry of `family_list`."""
    name, low, high = described["name"], described["low"], described["high"]
    text = str(PARAMETERS[name][1]) if name in PARAMETERS else str(described["help"])
    ends = {"low": parameter_value(low), "high": parameter_value(high)}
    if low is not None and high is not None:
        text += " " + _("From %(low)s to %(high)s.") % ends
    if described.get("multiple"):
        text += " " + _("A multiple of %(n)s.") % {"n": described["multiple"]}
    return text


def parameter_value(value: Any) -> str:
    """As a person writes it; empty for what a run does not have."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int):
        return written(f"{value:,}")
    if isinstance(value, float):
        return written(f"{value:,.10f}".rstrip("0").rstrip("."))
    return str(value)
