"""`python -m bench.scale people 10 50`: crowds of other sizes, printed and not kept; `gpus 20` likewise."""

import sys

from bench import report
from bench.scale import gpus, people


def main() -> int:
    sizes = [int(one) for one in sys.argv[2:]]
    for figure in {"people": people.measure, "gpus": gpus.measure}[sys.argv[1]](sizes):
        print(report.line(figure), *figure.detail.get("wrong", [])[:10], sep="\n  ", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
