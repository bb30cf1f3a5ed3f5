"""Forecasts of the price and of the spread: one pipeline, two recurrent families."""
