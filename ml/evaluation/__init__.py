"""How good is a model, and is it better than another: backtests, comparison, reports."""
