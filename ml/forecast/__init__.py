"""Forecasts of the price and of the spread: one pipeline for every family of both."""
