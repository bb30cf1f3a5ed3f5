"""Ads become a quote: what is dropped, how a price is taken, what else is counted."""
