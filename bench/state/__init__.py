"""The state that tests/test_upgrade.py upgrades, as this very commit leaves it:

python -m bench.state tests/data/state-COMMIT.tar.gz

Run it on a commit before its database or artifacts change, never again for that commit: the file's
worth is that the code which made it is gone. In it lie

- `paralelo.sqlite3`, the database (a test copies its rows into PostgreSQL: with a dump beside it
  the file would pass 600 kB);
- `artifacts/` and `backtests/` of PARALELO_HOME, without the picture of the report;
- `expected.json`: migrations that were applied, answers to bench.state.questions.

How it is made: two simulated markets, as short as trainings allow, so that it stays small. One has
prices and volumes of both sides every half hour for 24 days, and models of price, spread and
anomaly; the other a price an hour for 64 days, of which the last 20 are kept, and a model of
patterns, whose networks and library of past moments are most of the file. One epoch and the
smallest sizes. Then forecasts and their scores, a scan, an event judged true by `eva` (staff, with
a token), a row seen by `ana`, quotes that arrive one by one and open an event, patterns, a
backtest, a queued training, a worker's sign of life and the two schedules. All of it through HTTP
and commands but for users, tokens, worker and schedules, which are rows, and the machine's name,
which is taken out.
"""
