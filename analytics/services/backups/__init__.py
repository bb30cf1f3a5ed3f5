"""The whole server in one file, and back: rows, artifacts, the files of backtests."""
