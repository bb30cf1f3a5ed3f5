"""Marketplaces that play: a real HTTP server on this machine that answers like every venue, well or
in every bad way. For tests and `make live-demo`; nothing of the product imports it but the command
that starts it, and it registers no venue. All people in it are invented.
"""
