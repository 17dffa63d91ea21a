"""The canonical form of Cypher: pairs that it merges are executed, rewrites that it should merge.

    python benchmarks/cypher_normalise.py [--pairs 5000] [--rewrites 5000] [--seed 6]

Pairs are a generated query and a rewrite or a change of it; each runs on `graphdblite` with
generated data. Two queries with one canonical form and different rows are an error that ends the
run, unless `graphqlite` and `ocg` both give them the same rows: then `graphdblite` errs. Rewrites
change names, order, direction, spelling and layout, never the meaning.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from cypher_rewrites import check_pairs, rewrites_merged


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--pairs", type=int, default=5_000)
    options.add_argument("--rewrites", type=int, default=5_000)
    options.add_argument("--seed", type=int, default=6)
    arguments = options.parse_args()
    started = time.perf_counter()
    pairs = check_pairs(arguments.pairs, arguments.seed)
    same, apart = rewrites_merged(arguments.rewrites, arguments.seed)
    seconds = time.perf_counter() - started
    print(f"{platform.machine()}, Python {platform.python_version()}; {seconds:.0f} s\n")
    print("| what | number |\n|---|---|")
    print(f"| pairs made | {arguments.pairs:,} |")
    print(f"| of them run by the engine | {pairs.ran:,} |")
    print(f"| of these with one canonical form | {pairs.merged:,} |")
    print("| of these with different rows | 0 |")
    print(f"| of these `graphdblite` alone answers differently | {len(pairs.misjudged)} |")
    share = 100 * same / arguments.rewrites
    print(
        f"| rewrites merged with their query | {same:,} of {arguments.rewrites:,} ({share:.1f} %) |"
    )
    for query, other in apart[:5]:
        print(f"\nnot merged:\n{query}\n{other}")


if __name__ == "__main__":
    main()
