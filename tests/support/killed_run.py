"""Run in a child process: the toy pipeline, which stops at one stage and waits to be killed.

Arguments: runs folder, stage, `early` (before the stage's work, with rubbish in its folder) or
`late` (after it, before the output is committed).
"""

from __future__ import annotations

import sys
from pathlib import Path

import attrs
import toy_plugins
from toy_recipe import RECIPE

from heimdall_core import Recipe, Registry
from heimdall_core.pipeline import runner


def main(runs: str, stage: str, moment: str) -> None:
    def hang(found: runner.Stage) -> runner.Stage:
        if found.name != stage:
            return found

        def body(context: runner.StageContext) -> object:
            if moment == "late":
                found.run(context)
            (context.output / "rubbish.jsonl").write_text("half a li", encoding="utf-8")
            sys.stdout.write("reached\n")
            sys.stdout.flush()
            sys.stdin.read()  # until the parent kills us
            raise AssertionError("was not killed")

        return attrs.evolve(found, run=body)

    runner.STAGES = tuple(map(hang, runner.STAGES))
    registry = Registry(discover=False, plugins=[("toy", toy_plugins)])
    runner.run(Recipe.from_dict(RECIPE, registry), registry=registry, runs=Path(runs))


if __name__ == "__main__":
    main(*sys.argv[1:])
