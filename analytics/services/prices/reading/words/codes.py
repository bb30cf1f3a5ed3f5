"""Codes and words of currencies, as they stand beside figures and in the names of columns."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


FIATS = words(
    "usd eur bob bs bsf bsd ves vef ars cop clp pen brl mxn uyu pyg gtq crc dop hnl nio pab cup "
    "irr irt toman try ngn kes ghs zar egp mad gbp jpy cny inr pkr rub uah krw idr php vnd thb "
    "chf cad aud sek nok dkk pln czk huf ron aed sar"
)
ASSETS = words(
    "usdt usdc busd dai tusd fdusd btc xbt eth bnb xrp sol doge shib ltc ada trx ton matic dot "
    "avax link bch xlm pepe"
)
#: What people write before or after a figure.
SIGNS = words(
    "$ u$ us$ u$s r$ s/ s/. bs bs. bsf bsf. bs.f. bs.s bss ₿ € £ ¥ ₹ ₽ ₩ ₺ ₦ ₱ ₲",
)
NAMES = words(
    "dolar dolares dollar dollars bolivianos bolivares pesos soles reais euro euros",
)
CURRENCIES = FIATS | ASSETS
_ALIKE = dict.fromkeys(("usdt", "usdc", "busd", "dai", "tusd", "fdusd"), "usd") | {
    "xbt": "btc", "bs": "bob", "bsf": "ves", "bsd": "ves", "vef": "ves", "irt": "irr",
    "toman": "irr",
}  # fmt: skip


def alike(code: str) -> str:
    """A code by which those that are taken for each other in names are one."""
    return _ALIKE.get(code.lower(), code.lower())
