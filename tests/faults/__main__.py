"""`make faults`: plays the matrix in several of the laptop's clouds at once, and says what did not hold.

python -m tests.faults                     all of it; results in bench/results/faults.json, the log in .local/
python -m tests.faults --only NAME …       these cases alone
python -m tests.faults --fast              one case of each kind, in under 90 s
python -m tests.faults --list              the names
python -m tests.faults --every             each call fails in each way that it can: about twice as many cases
python -m tests.faults --ways              how long an orphan lives when only one of the five ways is left
python -m tests.faults --mutants           that the harness notices what is broken on purpose
"""

import argparse
import sys
from pathlib import Path

from tests.faults import run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[])
    parser.add_argument("--ways", nargs="*", metavar="WAY")
    parser.add_argument("--mutants", nargs="*", metavar="TEXT")
    for flag in ("--fast", "--list"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument(
        "--every", action="store_true", help="every kind of failure of each call, not one or two dealt out"
    )
    parser.add_argument("--unsaved", action="store_true", help="leave bench/results/faults.json as it is")
    parser.add_argument("--processes", type=int, default=5, help="clouds at once (default: 5)")
    parser.add_argument("--match", default="", help="only the cases of the matrix with this text in their names")
    parser.add_argument("--into", type=Path, help="writes the log of these cases to that file too")
    args = parser.parse_args()
    if args.ways is not None:
        from tests.faults import ways

        return ways.main(args.ways, save=not args.unsaved)
    if args.mutants is not None:
        from tests.faults import mutants

        return mutants.main(args.mutants, save=not args.unsaved)
    return run.main(args)


if __name__ == "__main__":
    sys.exit(main())
