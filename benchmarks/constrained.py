"""Constrained decoding: how many finished answers parse with the Cypher grammar, and without?

    python benchmarks/constrained.py [--model x.gguf] [--prompts 200]

Without a model it makes one on the spot: tiny, taught eight questions, and asked many others, at
a temperature at which it seldom writes Cypher by itself. With the grammar every answer that is
finished must parse (limit: 100 %); what is cut off at the limit of tokens is counted apart.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from heimdall_core import Registry  # noqa: E402
from heimdall_core.prompt import messages_for, render_prompt  # noqa: E402
from heimdall_core.types import CheckRequest, ExportContext  # noqa: E402

THINGS = ("people", "cities", "films", "trains", "planets", "orders", "players", "devices")
QUESTIONS = (
    "Find all {}.",
    "How many {} are there?",
    "Which {} is the newest?",
    "Delete the {} called Zoë.",
    "Tell me a story about {}.",
)


def make_model(folder: Path) -> Path:
    """A taught model as Q8_0."""
    from tiny_models import LESSONS, build_model

    from heimdall_export_gguf.export import export
    from heimdall_export_gguf.options import GGUFOptions

    model = build_model(folder / "model", taught=LESSONS, context=512)
    context = ExportContext(model, folder / "model.gguf")
    [artefact] = export(context, GGUFOptions(quant_types=("Q8_0",)))
    return artefact.path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--max-new-tokens", type=int, default=128)
    parser.add_argument("--temperature", type=float, default=1.0)
    arguments = parser.parse_args()
    from heimdall_run_llamacpp.load import load

    cypher = Registry(third_party=False).language("cypher")
    if cypher.grammar is None:
        sys.exit("the language has no grammar")
    asked = [question.format(thing) for thing in THINGS for question in QUESTIONS]
    prompts = [render_prompt(messages_for(asked[n % len(asked)])) for n in range(arguments.prompts)]
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.model or make_model(Path(folder))
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()};")
        print(f"{len(prompts)} prompts, temperature {arguments.temperature}, seed 0\n")
        print("| grammar | finished | of them parse | cut off | tokens/s |")
        print("|---|---|---|---|---|")
        with load(path) as model:
            for name in ("none", "read", "data"):
                grammar = "" if name == "none" else cypher.grammar(name, None)
                started = time.perf_counter()
                answers = model.generate(
                    prompts,
                    max_new_tokens=arguments.max_new_tokens,
                    temperature=arguments.temperature,
                    grammar=grammar,
                )
                seconds = time.perf_counter() - started
                finished = [answer.text for answer in answers if answer.finish == "stop"]
                parse = sum(_parses(cypher, text) for text in finished)
                share = parse / len(finished) if finished else 0.0
                speed = sum(answer.tokens for answer in answers) / seconds
                print(
                    f"| {name} | {len(finished)} | {share:.1%} | {len(answers) - len(finished)}"
                    f" | {speed:,.0f} |",
                    flush=True,
                )
                if grammar:
                    wrong += len(finished) - parse
                    for text in [t for t in finished if not _parses(cypher, t)][:5]:
                        print(f"    does not parse: {text!r}", file=sys.stderr)
    if wrong:
        sys.exit(f"{wrong} finished answers do not parse")


def _parses(cypher: object, text: str) -> bool:
    findings = cypher.check(text, CheckRequest(performance=False))  # type: ignore[attr-defined]
    return bool(text.strip()) and not any(
        f.severity == "error" and f.kind == "syntax" for f in findings
    )


if __name__ == "__main__":
    main()
