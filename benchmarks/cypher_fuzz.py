"""Fuzzing of the Cypher plugin for as long as one likes: no exception, no hang, promises kept.

    python benchmarks/cypher_fuzz.py [--seconds 600] [--seed 1] [--coverage]

By default texts are made from a query for every construct, spoilt in twenty ways and mixed. With
`--coverage` (and `pip install atheris`) libFuzzer searches bytes that reach new code instead.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))


def guided(seconds: float, seed: int) -> None:
    """Coverage-guided, with atheris: ends the process."""
    import atheris

    with atheris.instrument_imports(include=["heimdall_lang_cypher"]):
        import cypher_fuzz

        import heimdall_lang_cypher.checker
        import heimdall_lang_cypher.printer  # noqa: F401
    corpus = Path(tempfile.mkdtemp(prefix="cypher-fuzz-"))
    for number, text in enumerate(cypher_fuzz.seeds()):
        (corpus / f"seed-{number}").write_text(text, encoding="utf-8")

    def one(data: bytes) -> None:
        cypher_fuzz.attempt(data.decode("utf-8", "surrogateescape"))

    options = [f"-max_total_time={seconds:.0f}", f"-seed={seed}", "-max_len=600", "-timeout=10"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one)
    atheris.Fuzz()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--seconds", type=float, default=600)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--coverage", action="store_true")
    arguments = options.parse_args()
    if arguments.coverage:
        guided(arguments.seconds, arguments.seed)
        return
    from cypher_fuzz import run

    started = time.monotonic()
    tried, parsed = run(arguments.seed, arguments.seconds)
    print(f"{platform.machine()}, Python {platform.python_version()}; grammar-based")
    print(
        f"{tried:,} texts in {time.monotonic() - started:.0f} s, {parsed:,} of them parsed; "
        "no exception but the language's own, no hang"
    )


if __name__ == "__main__":
    main()
