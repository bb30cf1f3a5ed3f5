"""Command line of the golden answers; see the package's own words."""

from __future__ import annotations

from bench.golden import world

# Before numpy and torch load.
world.prepare()

import argparse  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from bench import golden  # noqa: E402
from bench.golden.session import compare, record  # noqa: E402

_DATA = Path("../shared/data/usdt_bob_binance_p2p.csv.gz")


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.golden", description=golden.__doc__.split("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name, help in (("record", "into a new folder"), ("compare", "with an earlier recording")):
        verb = verbs.add_parser(name, help=help)
        verb.add_argument("folder", type=Path, metavar="DIR")
        verb.add_argument("--data", type=Path, default=_DATA, help="quotes of USDT/BOB")
        verb.add_argument("--only", default="*", metavar="GLOB", help="parts of this name alone")
    verb.add_argument("--against", type=Path, metavar="DIR", help="in place of a new recording")
    verb.add_argument("--keep", type=Path, metavar="DIR", help="where the new recording is kept")
    verb.add_argument("--renamed", type=Path, metavar="FILE", help="JSON of old names to new ones")
    verb.add_argument(
        "--allow", action="append", default=[], metavar="GLOB", help="paths that may differ"
    )
    verb.add_argument("--most", type=int, default=200, help="differences that are printed")
    options = vars(parser.parse_args())
    return {"record": record, "compare": compare}[options.pop("verb")](**options)


if __name__ == "__main__":
    sys.exit(main())
