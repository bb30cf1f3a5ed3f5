"""The words that `ml` answers with, for people: kinds of anomalies, names of patterns.

`ml` knows no translations; its words are closed sets, and these are their names."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

WORDS = {
    # names of patterns and of their aspects
    "movement": _("movement"),
    "agitation": _("agitation"),
    "spread": _("spread"),
    "liquidity": _("liquidity"),
    "up": _("up"),
    "down": _("down"),
    "range": _("range"),
    "calm": _("calm"),
    "volatile": _("volatile"),
    "shock": _("shock"),
    "narrow": _("narrow"),
    "normal": _("normal"),
    "wide": _("wide"),
    "thin": _("thin"),
    "deep": _("deep"),
    "illiquid": _("illiquid"),
    "up-trend": _("up-trend"),
    "down-trend": _("down-trend"),
    "volatile range": _("volatile range"),
    # kinds of anomalies
    "spike": _("spike"),
    "level_shift": _("level shift"),
    "spread_blowout": _("spread blow-out"),
    "crossed": _("crossed quotes"),
    "volume_collapse": _("volume collapse"),
    "stuck": _("stuck quotes"),
    "drift": _("drift"),
    "missing_side": _("missing side"),
    "other": _("other"),
}


def word(name: str) -> str:
    """The name of one of ml's words; an unknown one stands for itself."""
    return str(WORDS.get(name, name))
