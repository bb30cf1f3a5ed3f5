"""The words of which the names of columns are made, in English and Spanish, without accents."""

from __future__ import annotations

from analytics.services.prices.reading.words.codes import CURRENCIES, words

TIME = words(
    "timestamp datetime time date fecha hora unix epoch ts snapped snapshot created updated update "
    "actualizacion actualizado dia day momento moment period periodo tiempo captured scraped "
    "fetched recorded observation asof millis epochtime horario data"
)
LATE = words("updated update actualizacion actualizado end high low max min")
NOTED = words("created captured scraped fetched recorded")
SIDES = {
    "bid": words("bid bids"),
    "ask": words("ask asks"),
    "buy": words(
        "buy buying buyer buyers compra compras comprar comprador compradores compradora purchase "
        "demanda"
    ),
    "sell": words(
        "sell selling seller sellers sale venta ventas vender vendedor vendedores vendedora venda "
        "offer oferta"
    ),
}
OPEN = words("open opening apertura abrir abertura inicio")
HIGH = words("high highest maximo maxima max alto")
LOW = words("low lowest minimo minima min bajo")
CLOSE = words("close closing cierre cerrar fechamento ultimo last latest")
#: Kinds of a rate: names of columns, and of the objects of an answer.
KINDS = words("oficial official paralelo parallel blue")
PRICE = KINDS | words(
    "price precio preco value valor rate tasa cotizacion cotacao tipo cambio tc exchange quote "
    "importe taxa px mark"
)
#: Words of a price that stand beside a time too: exchange time, mark time, official date.
LOOSE = words("exchange quote mark oficial official")
AVERAGE = words(
    "average avg mean promedio medio media mediana median mid midpoint weighted vwap referencia"
)
BEST = words("best mejor top limpio clean")
VOLUME = words(
    "volume volumen vol qty quantity size cantidad liquidez liquidity amount monto tick base "
    "volumefrom"
)
OFFERS = words("offers ads anuncios ofertas orders ordenes count num numero trades ntrades")
CHANGE = words(
    "change chg var variacion variation pct percent porcentaje delta diferencia brecha spread ret "
    "return rentabilidad"
)
NO_PRICE = words(
    "adj adjusted ajustado ajustada cap mcap marketcap capitalizacion volumeto turnover total rank "
    "id index limit limite fee comision taker maker"
)
SIDE = words("side lado tipo type operacion direction sentido tradetype operation")
MARKET = {
    "asset": words("asset crypto coin cripto criptomoneda activo baseasset"),
    "fiat": words("fiat fiatunit"),
    "exchange": words("exchange venue"),
    "symbol": words("symbol pair par ticker instrument market mercado simbolo pairname product"),
    "money": words("currency moneda divisa quote base"),
    "place": words(
        "place source fuente casa plataforma platform provider proveedor nombre name site bolsa "
        "bank banco entidad"
    ),
}
LETTERS = {
    "t": "time",
    "o": "open",
    "h": "high",
    "l": "low",
    "c": "price",
    "v": "volume",
    "p": "price",
}
NOISE = words("the of de del la el los las por per en in to a y and at su o")
PLACES = {
    "bolivia": "America/La_Paz", "chile": "America/Santiago", "paraguay": "America/Asuncion",
    "argentina": "America/Argentina/Buenos_Aires", "uruguay": "America/Montevideo",
    "venezuela": "America/Caracas", "caracas": "America/Caracas", "peru": "America/Lima",
    "lima": "America/Lima", "colombia": "America/Bogota", "bogota": "America/Bogota",
    "santiago": "America/Santiago", "paz": "America/La_Paz",
}  # fmt: skip
VOCABULARY = (
    TIME | OPEN | HIGH | LOW | CLOSE | PRICE | AVERAGE | BEST | VOLUME | OFFERS | CHANGE
    | NO_PRICE | SIDE | NOISE | CURRENCIES | words("utc gmt")
).union(*SIDES.values(), *MARKET.values())  # fmt: skip
