"""The words that `ml` answers with, for people: kinds of anomalies, names of patterns.

`ml` knows no translations; its words are closed sets, and these are their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.utils.translation import get_language, gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from analytics.retelling import retold

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
    # columns of a quote and what is made of them
    "bid": _("bid"),
    "ask": _("ask"),
    "price": _("price"),
    "mid": _("mid"),
    "spread_pct": _("spread (%)"),
    "bid_vwap": _("bid VWAP"),
    "ask_vwap": _("ask VWAP"),
    "bid_volume": _("bid volume"),
    "ask_volume": _("ask volume"),
    "volume": _("volume"),
    "bid_offers": _("bid offers"),
    "ask_offers": _("ask offers"),
    "imbalance": _("balance of the sides"),
    "stale": _("unchanged"),
    "level": _("level"),
}


#: The templates of ml's sentences about strange rows; what goes into them are words and figures.
SENTENCES = frozenset(
    (
        gettext_noop("%(what)s missing"),
        gettext_noop("%(what)s unchanged"),
        gettext_noop("%(what)s %(size)s above"),
        gettext_noop("%(what)s %(size)s below"),
        gettext_noop("%(what)s %(size)s above the level expected from the last %(rows)s readings"),
        gettext_noop("%(what)s %(size)s below the level expected from the last %(rows)s readings"),
        gettext_noop(
            "%(what)s up %(size)s in one reading, to near the level expected from the last %(rows)s"
        ),
        gettext_noop(
            "%(what)s down %(size)s in one reading, to near the level expected from the last "
            "%(rows)s"
        ),
        gettext_noop("the new level holds"),
        gettext_noop(
            "spread %(now)s %% of mid where %(usual)s %% is expected from the last %(rows)s "
            "readings"
        ),
        gettext_noop("bid above ask by %(size)s: the sides are crossed"),
        gettext_noop("fewer offers than the trailing level"),
        gettext_noop("nothing has changed for %(rows)s readings although the feed keeps answering"),
        gettext_noop(
            "%(what)s unchanged for %(rows)s readings although the rest of the feed moves"
        ),
        gettext_noop("steady drift up: %(size)s in the last %(rows)s readings"),
        gettext_noop("steady drift down: %(size)s in the last %(rows)s readings"),
        gettext_noop("%(what)s missing for %(rows)s readings while %(other)s is still quoted"),
    )
)


#: Features of the detector are what is made of a column, by this beginning of their names.
FEATURES = {
    "return_": _("%(what)s: move"),
    "gap_": _("%(what)s: distance from its level"),
    "missing_": _("%(what)s: missing"),
    "stale_": _("%(what)s: unchanged"),
    "depth_": _("%(what)s: depth"),
}


#: States of a watch over a market's newest quotes -> the word, and what it means for the reader.
WATCH_STATES = {
    "watching": (_("watching"), ""),
    "baseline": (
        _("watching by the baseline"),
        _("No version beats its baseline: %(detail)s looks at the quotes."),
    ),
    "fallback": (
        _("another version watches"),
        _("The active version cannot be used; %(detail)s looks in its place."),
    ),
    "columns_missing": (
        _("columns are missing"),
        _("Trained with %(detail)s, which the newest quotes lack: that part is not judged."),
    ),
    "other_cadence": (
        _("another cadence"),
        _(
            "Minutes between quotes, now and when it was trained: %(detail)s. False alarms come at "
            "another rate than promised until it is trained anew."
        ),
    ),
    "unscored": (_("no score"), _("The newest quote could not be scored.")),
    "warming_up": (_("warming up"), _("Scores are rough until there is more history.")),
    "no_model": (_("not watched"), _("There is no anomaly model of this market.")),
    "broken": (_("not watched"), _("Its model cannot be read: %(detail)s")),
    "failed": (_("not watched"), _("The last look failed: %(detail)s")),
    "no_quotes": (_("no quotes"), _("There is nothing to look at yet.")),
    "stale": (_("no new quotes"), _("Nothing has come for too long: nobody knows what goes on.")),
    "behind": (_("not looked at"), _("Newer quotes wait to be looked at; is the worker running?")),
    "stuck": (_("quotes stand still"), _("The same figures come again and again.")),
}


def watch_word(state: str) -> str:
    """The name of a watch's state."""
    return str(WATCH_STATES.get(state, (state,))[0])


def watch_reason(state: str, detail: str = "") -> str:
    """Why it is no better, in a sentence; nothing where it is as it should be."""
    return str(WATCH_STATES.get(state, ("", ""))[1]) % {"detail": retold(detail)}


#: What a long job is doing; a number may follow ("fold 2", "training 1/3"), and after a colon what
#: it does within that ("fit 1/3: training 2/8").
STAGES = {
    "starting": _("starting"),
    "reading": _("reading"),
    "writing": _("writing"),
    "forecasting": _("forecasting"),
    "fit": _("fit"),
    "preparing": _("preparing"),
    "selection": _("selection"),
    "training": _("training"),
    "fold": _("fold"),
    "all": _("all data"),
    "calibrating": _("calibrating"),
    "measuring": _("measuring"),
    "scoring": _("scoring"),
}


def stage(name: str) -> str:
    """The name of what a job is doing; an unknown one stands for itself."""
    parts = (part.partition(" ") for part in name.split(": "))
    return ": ".join(f"{STAGES.get(known, known)}{space}{more}" for known, space, more in parts)


def word(name: str) -> str:
    """The name of one of ml's words; an unknown one stands for itself."""
    return str(WORDS.get(name, name))


def feature(name: str) -> str:
    """The name of one of the detector's features."""
    for beginning, text in FEATURES.items():
        if name.startswith(beginning):
            return str(text) % {"what": word(name.removeprefix(beginning))}
    return word(name)


#: 1,234.5 as Bolivia and Venezuela write it: 1.234,5.
_SPANISH = str.maketrans(",.", ".,")
_GROUPED = re.compile(r"[-+]?[1-9]\d{0,2}(?:\.\d{3})+")


def written(figure: str) -> str:
    """A figure that Python wrote, with the marks of the reader's language."""
    return figure.translate(_SPANISH) if (get_language() or "").startswith("es") else figure


def typed(text: str) -> str:
    """A figure that a person typed with the marks of their language, as Python writes it; what is
    none stays as it is. Raises ValueError where it could be two ("1.500" in Spanish)."""
    if written(".") == ".":
        return text
    whole, mark, rest = text.partition(",")
    grouped = _GROUPED.fullmatch(whole) is not None
    if grouped and not mark and whole.count(".") == 1:
        raise ValueError(text)
    return (whole.replace(".", "") if grouped else whole) + mark.replace(",", ".") + rest


def _value(value: Any) -> Any:
    """What goes into a sentence: one of ml's words, or a figure, perhaps with its unit."""
    if not isinstance(value, str):
        return value
    return written(value) if value[:1].isdigit() else word(value)


def sentence(phrases: Sequence[Sequence[Any]], fallback: str) -> str:
    """Phrases (template, values) in the reader's language; `fallback`, which is English, where
    there are none or one is not known."""
    if not phrases or any(template not in SENTENCES for template, _values in phrases):
        return fallback
    said = (
        gettext(template) % {name: _value(value) for name, value in values.items()}
        for template, values in phrases
    )
    return "; ".join(said)
