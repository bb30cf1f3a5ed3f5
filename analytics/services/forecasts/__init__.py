"""Forecasts: made, scored when they come due, watched for drift."""
