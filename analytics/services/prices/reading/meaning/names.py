"""What the name of a column says, in English or Spanish, with or without accents, capitals, units.

A name only suggests: a column is what its name says if its cells agree (see columns).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from analytics.services.prices.reading.cells.codes import CURRENCIES, NAMES, words

_TIME = words(
    "timestamp datetime time date fecha hora unix epoch ts snapped snapshot created updated update "
    "actualizacion actualizado dia day momento moment period periodo tiempo captured scraped fetched "
    "recorded observation asof millis epochtime horario data"
)
_LATE = words("updated update actualizacion actualizado end high low max min")
_NOTED = words("created captured scraped fetched recorded")
_SIDES = {
    "bid": words("bid bids"),
    "ask": words("ask asks"),
    "buy": words(
        "buy buying buyer buyers compra compras comprar comprador compradores compradora purchase demanda"
    ),
    "sell": words(
        "sell selling seller sellers sale venta ventas vender vendedor vendedores vendedora venda offer oferta"
    ),
}
_OPEN = words("open opening apertura abrir abertura inicio")
_HIGH = words("high highest maximo maxima max alto")
_LOW = words("low lowest minimo minima min bajo")
_CLOSE = words("close closing cierre cerrar fechamento ultimo last latest")
_PRICE = words(
    "price precio preco value valor rate tasa cotizacion cotacao tipo cambio tc exchange quote "
    "importe taxa px mark paralelo"
)
_AVERAGE = words(
    "average avg mean promedio medio media mediana median mid midpoint weighted vwap referencia"
)
_BEST = words("best mejor top limpio clean")
_VOLUME = words(
    "volume volumen vol qty quantity size cantidad liquidez liquidity amount monto tick base volumefrom"
)
_OFFERS = words("offers ads anuncios ofertas orders ordenes count num numero trades ntrades")
_CHANGE = words(
    "change chg var variacion variation pct percent porcentaje delta diferencia brecha spread ret "
    "return rentabilidad"
)
_NO_PRICE = words(
    "adj adjusted ajustado ajustada cap mcap marketcap capitalizacion volumeto turnover total rank "
    "id index limit limite fee comision taker maker"
)
_SIDE = words("side lado tipo type operacion direction sentido tradetype operation")
_MARKET = {
    "asset": words("asset crypto coin cripto criptomoneda activo baseasset"),
    "fiat": words("fiat fiatunit"),
    "exchange": words("exchange venue"),
    "symbol": words("symbol pair par ticker instrument market mercado simbolo pairname product"),
    "money": words("currency moneda divisa quote base"),
    "place": words(
        "place source fuente casa plataforma platform provider proveedor nombre name site bolsa bank banco entidad"
    ),
}
_LETTERS = {
    "t": "time",
    "o": "open",
    "h": "high",
    "l": "low",
    "c": "price",
    "v": "volume",
    "p": "price",
}
_NOISE = words("the of de del la el los las por per en in to a y and at su oficial o")
_PLACES = {
    "bolivia": "America/La_Paz", "chile": "America/Santiago", "argentina": "America/Argentina/Buenos_Aires",
    "venezuela": "America/Caracas", "caracas": "America/Caracas", "peru": "America/Lima",
    "lima": "America/Lima", "colombia": "America/Bogota", "bogota": "America/Bogota",
    "santiago": "America/Santiago", "paz": "America/La_Paz", "uruguay": "America/Montevideo",
    "paraguay": "America/Asuncion",
}  # fmt: skip
_VOCABULARY = (
    _TIME | _OPEN | _HIGH | _LOW | _CLOSE | _PRICE | _AVERAGE | _BEST | _VOLUME | _OFFERS | _CHANGE
    | _NO_PRICE | _SIDE | _NOISE | CURRENCIES | words("utc gmt")
).union(*_SIDES.values(), *_MARKET.values())  # fmt: skip
_ORDER = re.compile(r"\b(d{1,2}[/. -]m{1,3}[/. -][ya]{2,4}|m{1,3}[/. -]d{1,2}[/. -][ya]{2,4})\b")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LONGEST = 80


@dataclass(frozen=True)
class ColumnName:
    """`role`: what the column would be, "" unknown; `rank`: 0 the best of several of one role.
    `units`: currencies in the name. `utc`, `zone`, `order`: what it says of times."""

    text: str
    role: str
    rank: int = 0
    units: frozenset[str] = frozenset()
    utc: bool = False
    zone: str | None = None
    order: str | None = None

    @property
    def key(self) -> str:
        """The name as it is compared: no case, accents, spaces."""
        return plain_key(self.text)


def plain_key(text: str) -> str:
    """A name without case, accents and signs."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return re.sub(r"[^\w]|_", "", "".join(c for c in folded if not unicodedata.combining(c)))


@lru_cache(maxsize=4096)
def column_name(text: str) -> ColumnName:
    """What a name says; see ColumnName."""
    folded = unicodedata.normalize("NFKD", text)
    folded = "".join(c for c in folded if not unicodedata.combining(c))
    found = _ORDER.search(folded.lower())
    order = None if found is None else ("dmy" if found[1].startswith("d") else "mdy")
    if found is not None:
        folded = folded.lower().replace(found[1], "")
    tokens = [t for part in re.split(r"[^A-Za-z0-9]+", folded) for t in _split(part)]
    units = frozenset(t for t in tokens if t in CURRENCIES)
    rest = [t for t in tokens if t not in units and t not in NAMES and not t.isdigit()]
    zone = next((_PLACES[t] for t in rest if t in _PLACES), None)
    utc = "utc" in rest or "gmt" in rest
    rest = [
        t for t in rest if t not in _PLACES and t not in ("utc", "gmt", "local") and t not in _NOISE
    ]
    if len(text) > _LONGEST:
        role, rank = "", 0
    elif "%" in text:
        role, rank = "ignored", 0
    elif len(text.strip()) == 1 and text.strip().lower() in _LETTERS:
        role, rank = _LETTERS[text.strip().lower()], 1
    else:
        role, rank = _role(rest, bool(units))
    return ColumnName(text, role, rank, units, utc, zone, order)


def _split(part: str) -> list[str]:
    """The words of a part: by its capitals, and run-together ones where every piece is known."""
    words: list[str] = []
    for word in _CAMEL.split(part) if not part.isupper() else [part]:
        words += _pieces(word.lower()) or [word.lower()]
    return [word for word in words if word]


def _pieces(word: str) -> list[str] | None:
    if word in _VOCABULARY or len(word) < 5:
        return [word] if word in _VOCABULARY else None
    for cut in range(len(word) - 2, 1, -1):
        if word[:cut] in _VOCABULARY and (rest := _pieces(word[cut:])):
            return [word[:cut], *rest]
    return None


def _role(tokens: list[str], has_unit: bool) -> tuple[str, int]:
    said = frozenset(tokens)
    if not said:
        return ("unit", 0) if has_unit else ("", 0)
    if (said & _CHANGE and not said & words("rate tasa tipo")) or said & words("taker maker"):
        return "ignored", 0
    for role, keys in _MARKET.items():
        if said <= keys | words("code codigo asset currency unit id trading") and said & keys:
            return role, 0
    sides = [side for side, keys in _SIDES.items() if said & keys]
    if len(sides) == 1:
        return _side_role(sides[0], said - _SIDES[sides[0]])
    if said <= _SIDE or said == words("trade type") or said == words("order type"):
        return "side", 0
    if said & _TIME and not said & (_PRICE - words("exchange quote mark")):
        rank = 2 if said & (_LATE | _CLOSE) else int(bool(said & _NOTED))
        return "time", rank + bool(said - _TIME - _LATE - _OPEN - _CLOSE)
    return _figure_role(said)


def _side_role(side: str, rest: frozenset[str]) -> tuple[str, int]:
    """A price of a side, or what else is known of it."""
    if rest & (_OPEN | _HIGH | _LOW) and not rest & _CLOSE:
        return "ignored", 0
    if rest & words("vwap weighted"):
        return f"{side}_vwap", 0
    if rest & _OFFERS:
        return f"{side}_offers", 0
    if rest & _VOLUME:
        return f"{side}_volume", 0
    if rest & words("trade type id"):
        return "ignored", 0
    return side, int(bool(rest - _PRICE - _BEST - _CLOSE - _TIME))


def _figure_role(said: frozenset[str]) -> tuple[str, int]:
    if said & _NO_PRICE:
        return "ignored", 0
    if said & _CLOSE:
        return "price", int(bool(said - _CLOSE - _PRICE))
    for role, keys in (("open", _OPEN), ("high", _HIGH), ("low", _LOW)):
        if said & keys:
            return role, 0
    if said & words("ads anuncios ofertas") and not said & _PRICE:
        return "offers", 0
    if said & _VOLUME:
        return ("ignored" if "quote" in said else "volume"), int(bool(said - _VOLUME))
    if said & _PRICE:
        return "price", 2 + bool(said & _AVERAGE) + bool(said - _PRICE - _AVERAGE - _BEST)
    if said & _AVERAGE:
        return "price", 4
    if said & _OFFERS:
        return "ignored", 0
    return "", 0
