"""Marketplaces: how they are asked, how their ads become a quote, and what an amount would cost.

This room knows no ORM: orders and states come in as plain values, readings go out. The door:

    order = make_order("binance_p2p", Pair("USDT", "BOB"))
    reading = collect(order, Identities(key), state)

`docs/venues.md` tells what each venue answers and how to add one.
"""

from __future__ import annotations
