"""Which market a row is of: named by its columns, or by the caller, who then gets that one only."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from analytics.exceptions import InvalidInput
from analytics.lazily import np, pa, pc
from analytics.services.prices.reading.decisions import Choice, Decision, shortened, undecided
from analytics.services.prices.reading.options import ReadOptions
from analytics.services.prices.reading.quotes import symbol_problem
from analytics.services.prices.reading.words.codes import CURRENCIES
from analytics.services.prices.reading.words.names import column_name, plain_key

#: More different words than this are not names of places to trade, but of people.
_MOST_PLACES = 50
_SHOWN = 8
#: What stands between the columns that name a market: how many there are -> the signs.
_SIGNS = {1: (), 2: ("@",), 3: ("/", "@")}
_DOLLARS = frozenset(("usd", "usdt", "usdc"))
_ALIKE = {"xbt": "btc"}


@dataclass
class MarketEvidence:
    """The different values of every column that may name a market."""

    values: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, cells: Mapping[str, pa.Array]) -> None:
        """Role -> its cells, of a block."""
        for role, column in cells.items():
            found = self.values[role]
            if len(found) <= _MOST_PLACES * 20:
                texts = pc.drop_null(pc.unique(column)).to_pylist()
                found.update(dict.fromkeys(str(text).strip() for text in texts))


@dataclass(frozen=True)
class MarketRule:
    """`symbol`: the market of every row that is kept, None where the columns of `named` tell it.
    `kept`: role -> the values of its column that are kept; rows of others are left out."""

    symbol: str | None
    named: tuple[str, ...] = ()
    kept: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def wanted(self, cells: Mapping[str, pa.Array], rows: int) -> np.ndarray:
        """Which rows of a block are of the market that is read."""
        keep = np.ones(rows, dtype=bool)
        for role, values in self.kept.items():
            text = pc.utf8_trim_whitespace(_text(cells[role]))
            known = pc.is_in(text, value_set=pa.array(sorted(values), pa.string()))
            keep &= known.to_numpy(zero_copy_only=False)
        return keep

    def symbols(self, cells: Mapping[str, pa.Array], rows: int) -> tuple[np.ndarray, list[str]]:
        """(number of each row's symbol, the symbols)."""
        if self.symbol is not None:
            return np.zeros(rows, dtype="int32"), [self.symbol]
        parts = [
            pc.fill_null(pc.utf8_trim_whitespace(_text(cells[role])), "") for role in self.named
        ]
        joined = parts[0]
        for sign, part in zip(_SIGNS[len(parts)], parts[1:], strict=True):
            joined = pc.binary_join_element_wise(joined, part, sign)
        encoded = pc.dictionary_encode(joined)
        found = [_symbol(text) for text in encoded.dictionary.to_pylist()]
        return encoded.indices.to_numpy(zero_copy_only=False), found


def _symbol_of(parts: list[str]) -> str:
    """One to three parts of a name: USDT/BOB@x; BTC-USD and x; USDT, BOB and x."""
    pair, exchange = "/".join(parts[:-1]), parts[-1]
    return _symbol(f"{pair}@{exchange}" if len(parts) > 1 else exchange)


def _text(cells: pa.Array) -> pa.Array:
    return cells if pa.types.is_string(cells.type) else pc.cast(cells, pa.string())


def _symbol(text: str) -> str:
    """ASSET/FIAT@exchange of what a file writes for it (BTC-USD@x, BTCUSDT@x)."""
    pair, _at, exchange = text.partition("@")
    return text if "/" in pair else f"{'/'.join(pair_of(pair) or (pair,))}@{exchange}"


def pair_of(text: str) -> tuple[str, str] | None:
    """(asset, fiat) of BTC/USD, BTC-USD, BTC_USD, BTCUSD; None where it is no pair."""
    parts = [part for part in re.split(r"[^A-Za-z0-9.]+", text) if part]
    if len(parts) == 2:
        return parts[0], parts[1]
    word = parts[0].lower() if len(parts) == 1 else ""
    for cut in range(2, len(word) - 1):
        if word[:cut] in CURRENCIES and word[cut:] in CURRENCIES:
            return parts[0][:cut], parts[0][cut:]
    return None


def market_rule(
    evidence: MarketEvidence, options: ReadOptions, decisions: list[Decision]
) -> MarketRule:
    """Raises InvalidInput: market_required, market_given_twice, ambiguous_market."""
    values = {role: list(found) for role, found in evidence.values.items() if found}
    if options.market is not None:
        return _of_one(values, options, decisions)
    if not options.needs_market:
        return MarketRule("")
    named = _naming(values)
    if named is None:
        raise InvalidInput(
            _("The file does not name its market; say which: ASSET/FIAT@exchange."),
            "market_required",
            {"market": _("must be given for a file without asset, fiat and exchange")},
        )
    single = all(len(values[role]) == 1 for role in named)
    shown = _symbol_of([values[role][0] for role in named]) if single else ", ".join(named)
    decisions.append(Decision(_("market"), shown, _("named by the file itself"), "market"))
    return MarketRule(None, named)


def _naming(values: Mapping[str, list[str]]) -> tuple[str, ...] | None:
    """The columns that together name a market."""
    if {"asset", "fiat", "exchange"} <= values.keys():
        return ("asset", "fiat", "exchange")
    symbols = values.get("symbol", [])
    if symbols and all(symbol_problem(text) is None for text in symbols):
        return ("symbol",)
    exchange = next((role for role in ("exchange", "place") if role in values), None)
    if exchange and symbols and all(pair_of(text) for text in symbols):
        return ("symbol", exchange)
    return None


# ------------------------------------------------------------------------- one market is asked for
def _of_one(
    values: Mapping[str, list[str]], options: ReadOptions, decisions: list[Decision]
) -> MarketRule:
    """Which values of the columns are those of the market asked for."""
    kept: dict[str, frozenset[str]] = {}
    for role, found in values.items():
        if role == "place" and len(found) > _MOST_PLACES:
            continue
        fits = [text for text in found if _fits(role, text, options.parts)]
        fits = fits or [text for text in found if _mentions(role, text, options.parts)]
        if fits and len(fits) < len(found):
            kept[role] = frozenset(fits)
            others = ", ".join(shortened(v, 30) for v in found if v not in fits)
            why = _("rows of others are left out: %(others)s") % {"others": shortened(others, 100)}
            decisions.append(Decision(_("market"), ", ".join(fits[:_SHOWN]), why, "market"))
        elif not fits:
            _check_other(role, found, values, options)
    return MarketRule(str(options.market).strip(), (), kept)


def _fits(role: str, text: str, parts: Mapping[str, str]) -> bool:
    """Whether a value of a column is what the market's name says."""
    word = _word(text)
    if role == "symbol":
        pair = _word(parts["asset"]) + _word(parts["fiat"])
        own = pair_of(text.partition("@")[0])
        told = "".join(map(_word, own)) if own else word
        return told == pair or word == pair + _word(parts["exchange"])
    if role == "money":
        return word in (_word(parts["asset"]), _word(parts["fiat"]))
    return word == _word(parts["exchange" if role == "place" else role])


def _mentions(role: str, text: str, parts: Mapping[str, str]) -> bool:
    """Whether a looser name has the market's in it (BOB-todos; dolarapi_blue of blue)."""
    words = {_word(part) for part in re.split(r"[^\w]|_", text)} - {""}
    if role == "symbol":
        return bool(words & {_word(parts["fiat"])}) or words == {_word(parts["asset"])}
    if role == "place":
        own = {_word(part) for part in re.split(r"[^\w]|_", parts["exchange"])} - {""}
        return _word(text) in own
    return False


def _word(text: str) -> str:
    plain = plain_key(text)
    return _ALIKE.get(plain, plain)


def _check_other(
    role: str, found: list[str], values: Mapping[str, list[str]], options: ReadOptions
) -> None:
    """Stop where no row is of the market asked for, or where several others would be mixed."""
    full = {"asset", "fiat", "exchange"} <= values.keys()
    other_pair = role == "symbol" and len(found) == 1 and _other_pair(found[0], options.parts)
    if role in ("asset", "fiat") or (role == "exchange" and full) or other_pair:
        shown = ", ".join(shortened(text, 30) for text in found[:_SHOWN])
        raise InvalidInput(
            _(
                "The file names its market itself, and it is not %(market)s: its %(role)s is "
                "%(found)s."
            )
            % {"market": options.market, "role": role, "found": shown},
            "market_given_twice",
            {"market": _("leave it out, or name one that the file has")},
        )
    if len(found) > 1:
        asset, fiat = options.parts["asset"], options.parts["fiat"]
        choices = [
            Choice(f"{asset}/{fiat}@{re.sub(r'[^A-Za-z0-9_.-]+', '_', text)}", _("only its rows"))
            for text in found[:_SHOWN]
        ]
        raise undecided(
            "ambiguous_market",
            _("The file holds several, and none is named as the market is: %(found)s.")
            % {"found": ", ".join(shortened(text, 30) for text in found[:_SHOWN])},
            "market",
            choices,
        )


def _other_pair(text: str, parts: Mapping[str, str]) -> bool:
    """Whether a value is certainly another pair of currencies."""
    units = set(column_name(text).units)
    wanted = {_word(parts["asset"]), _word(parts["fiat"])}
    if len(units) != 2 or len(wanted) != 2:
        return False
    alike = {"usd" if unit in _DOLLARS else _ALIKE.get(unit, unit) for unit in units}
    return alike != {"usd" if unit in _DOLLARS else unit for unit in wanted}
