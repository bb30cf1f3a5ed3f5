#!/usr/bin/env python
"""Django's command line."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "p2p.settings")
    # Before anything loads OpenMP: its spinning threads make a busy machine many times slower, and
    # on networks of this size a second thread costs more than it brings (a backtest: 78 s with
    # two, 36 s with one).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OMP_NUM_THREADS", os.environ.get("PARALELO_TRAIN_THREADS") or "1")
    from django.core.management import execute_from_command_line

    from p2p.tracing import traced_run

    with traced_run():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
