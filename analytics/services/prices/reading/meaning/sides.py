"""Which side is the bid, where the words only say who buys: the lower one, if it is so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from analytics.lazily import np, pd
from analytics.services.prices.reading.decisions import Choice, Decision, undecided

_WORDS = {
    "bid": "bid bids",
    "ask": "ask asks",
    "buy": "buy b c compra comprar compras buying purchase buyer comprador",
    "sell": "sell s venta vender ventas selling sale seller vendedor v",
}
#: Word of a side column -> bid, ask (sure), buy or sell (the data have to tell).
SIDE_WORDS = {word: side for side, words in _WORDS.items() for word in words.split()}
_SURE = 0.9


@dataclass
class SideEvidence:
    """How often the price of `buy` is below that of `sell`, above it, the same; over rows, or
    moments, that know both. `offers`: rows of a side and moment that another row is of too."""

    below: int = 0
    above: int = 0
    same: int = 0
    rows: int = 0
    offers: int = 0
    shown: str = ""

    def add(self, buy: np.ndarray, sell: np.ndarray) -> None:
        """Prices of both sides, NaN unknown, row by row."""
        known = np.isfinite(buy) & np.isfinite(sell)
        buy, sell = buy[known], sell[known]
        self.below += int((buy < sell).sum())
        self.above += int((buy > sell).sum())
        self.same += int((buy == sell).sum())
        if not self.shown and len(buy):
            self.shown = f"{buy[0]:.10g} / {sell[0]:.10g}"

    def add_long(self, keys: pd.DataFrame, sides: np.ndarray, prices: np.ndarray) -> None:
        """Rows of one side each; `keys` (market, moment) say which belong together."""
        rows = keys.assign(side=sides, price=prices)
        rows = rows[np.isin(sides, ["buy", "sell", "bid", "ask"]) & np.isfinite(prices)]
        self.rows += len(rows)
        columns = [*keys.columns, "side"]
        prices_differ = rows.groupby(columns, sort=False)["price"].transform("nunique") > 1
        self.offers += int(prices_differ.sum())
        wide = rows.groupby(columns, sort=False)["price"].last().unstack("side")
        if {"buy", "sell"} <= set(wide.columns):
            self.add(wide["buy"].to_numpy(), wide["sell"].to_numpy())


def told_apart(
    evidence: SideEvidence, names: tuple[str, str], remembered: object, decisions: list[Decision]
) -> dict[str, str]:
    """{"buy": "bid", "sell": "ask"} or the other way round; raises InvalidInput (ambiguous_sides).
    `names`: how the source calls the two; `remembered`: the mapping of an earlier reading."""
    differing = evidence.below + evidence.above
    share = max(evidence.below, evidence.above) / differing if differing else 0.0
    if share >= _SURE or (not differing and evidence.same):
        buy = "bid" if evidence.below >= evidence.above else "ask"
        why = _("the lower one in %(share).0f %% of %(count)s moments that know both") % {
            "share": 100 * share if differing else 100,
            "count": differing + evidence.same,
        }
    elif isinstance(remembered, Mapping) and remembered.get("buy") in ("bid", "ask"):
        buy, why = str(remembered["buy"]), _("as the last time")
    else:
        raise _open(evidence, names)
    sides = {"buy": buy, "sell": "ask" if buy == "bid" else "bid"}
    bid = names[0] if buy == "bid" else names[1]
    choices = tuple(_columns(names, one) for one in ("bid", "ask"))
    decisions.append(Decision(_("bid"), bid, why, "columns", choices))
    return sides


def _columns(names: tuple[str, str], buy: str) -> str:
    sell = "ask" if buy == "bid" else "bid"
    return f"{buy}={names[0]},{sell}={names[1]}"


def _open(evidence: SideEvidence, names: tuple[str, str]) -> Exception:
    message = _(
        "Which of %(buy)s and %(sell)s is the bid cannot be told: %(below)s times the one is "
        "lower, %(above)s times the other."
    ) % {"buy": names[0], "sell": names[1], "below": evidence.below, "above": evidence.above}
    shown = evidence.shown or _("no moment knows both")
    return undecided(
        "ambiguous_sides",
        message,
        "columns",
        [Choice(_columns(names, one), shown) for one in ("bid", "ask")],
    )
