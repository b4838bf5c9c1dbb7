"""How far trainings of golden projects here are from ilastik's results, beside trainings by vigra with other seeds.

python benchmarks/golden_training.py [--seeds N]
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from training_again import ALLOWED, MOST_APART, apart


def main() -> None:
    """Print a table: percent of test pixels whose class differs from ilastik's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(parser.parse_args().seeds)
    print(f"| case | here, median of {len(seeds)} seeds | here, least and most | allowed |\n|---|---|---|---|")
    for case, limit in MOST_APART.items():
        shares = apart(case, seeds)
        least, median, most = min(shares), np.median(shares), max(shares)
        print(f"| {case} | {median:.2f} % | {least:.2f} to {most:.2f} % | {ALLOWED * limit:.2f} % |", flush=True)


if __name__ == "__main__":
    main()
