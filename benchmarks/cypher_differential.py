"""Our checker beside Neo4j's compiler front end and the embedded engines, on the same queries.

    python benchmarks/cypher_differential.py --modules FOLDER [--generated 2000] [--mutated 20000]
        [--sample 600] [--seed 1] [--queries FILE.jsonl]

Queries come from the generator `cypher` (all of them), and from spoiling those and the lines of
`--queries` (objects with `query` or `cypher`) in the twenty ways of
`tests/support/cypher_mutations.py`. Every one goes through our checker (`neo4j5`) and through the
engines; a sample of the mutated ones through Neo4j's front end, which does twenty a second. What is
printed is every kind of disagreement, with how often and an example; `docs/cypher.md` says who is
right. FOLDER, outside of the repository, is where npm installs the front end
(`@neo4j-cypher/language-support`) when it is not there.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import neo4j_grammar

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from cypher_mutations import KINDS, mutate

from heimdall_core.types import CheckRequest, GenerateContext
from heimdall_gen_cypher.generate import examples
from heimdall_gen_cypher.options import CypherOptions
from heimdall_lang_cypher.checker import check
from heimdall_lang_cypher.engine import Limits, open_engine

ENGINES = ("graphdblite", "graphqlite", "ocg")
DIALECT, VERSION = "neo4j5", "CYPHER 5"

FRONT_END = """
const path = process.argv[2];
const loaded = await import(path);
const { lintCypherQuery } = loaded.default ?? loaded;
const lines = (await import('node:readline')).createInterface({ input: process.stdin });
for await (const line of lines) {
  const { query, version } = JSON.parse(line);
  let errors;
  try {
    const result = lintCypherQuery(query, { defaultLanguage: version });
    errors = result.diagnostics.filter((each) => each.severity === 1).map((each) => each.message);
  } catch (error) {
    errors = ['crash: ' + error];
  }
  process.stdout.write(JSON.stringify(errors) + '\\n');
}
"""


def front_end(modules: Path, queries: list[str]) -> list[list[str]]:
    """The errors that Neo4j's front end reports. Parameters need not be declared."""
    bundle = modules / "@neo4j-cypher" / "language-support" / "dist" / "cjs" / "index.cjs"
    lines = "".join(json.dumps({"query": each, "version": VERSION}) + "\n" for each in queries)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "front-end.mjs"
        script.write_text(FRONT_END, encoding="utf-8")
        output = subprocess.run(
            [shutil.which("node") or "node", str(script), str(bundle.resolve())],
            input=lines, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
    found = [json.loads(line) for line in output.splitlines()]
    return [
        [text for text in errors if not re.match(r"Parameter \$.* is not defined", text)]
        for errors in found
    ]


def ours(query: str) -> str:
    """The code of the first error, or nothing."""
    for each in check(query, CheckRequest(dialect=DIALECT, performance=False)):
        if each.severity == "error":
            return each.code
    return ""


def kind_of(message: str) -> str:
    """A message of the front end or of an engine without what is special to the query."""
    text = re.sub(r"[`'\"].*?[`'\"]|\d+", "…", message.split("\n")[0])
    text = re.sub(r"(expected|Valid options).*", r"\1 …", text)
    return text[:80]


def generated(count: int, seed: int) -> list[str]:
    """Distinct queries of the generator."""
    context = GenerateContext(count=count, seed=seed)
    found = (row.output for row in examples(context, CypherOptions(dialect=DIALECT)))
    return [each for each in dict.fromkeys(found) if not is_prose(each)]


def is_prose(answer: str) -> bool:
    """Whether a generated answer is an explanation and no query."""
    return "```" in answer or not re.match(r"\s*[A-Z]{3,}\b", answer)


class Kinds:
    """Disagreements, by kind."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.examples: dict[tuple[str, str], str] = {}

    def add(self, theirs: str, our: str, query: str) -> None:
        key = (theirs, our)
        self.counts[key] += 1
        if len(query) < len(self.examples.get(key, "x" * 10_000)):
            self.examples[key] = query

    def table(self, who: str, total: int) -> None:
        wrong = sum(self.counts.values())
        print(f"\n{who}: {wrong:,} disagreements in {total:,}\n")
        print(f"| {who} | ours | times | shortest example |\n|---|---|---|---|")
        for (theirs, our), count in self.counts.most_common():
            text = " ".join(self.examples[theirs, our].split()).replace("|", "\\|")
            print(f"| {theirs or 'accepts'} | {our or 'accepts'} | {count} | `{text[:160]}` |")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--modules", type=Path, required=True)
    options.add_argument("--generated", type=int, default=2_000)
    options.add_argument("--mutated", type=int, default=20_000)
    options.add_argument("--sample", type=int, default=600)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--queries", type=Path)
    arguments = options.parse_args()
    random = Random(arguments.seed)  # noqa: S311 (a seeded choice of queries)
    originals = generated(arguments.generated, arguments.seed)
    print(f"{platform.machine()}, Python {platform.python_version()}; dialect {DIALECT}")
    print(f"{len(originals):,} generated queries; we reject {sum(map(bool, map(ours, originals)))}")
    sources = list(originals)
    if arguments.queries:
        for text in arguments.queries.read_text(encoding="utf-8").splitlines():
            row = json.loads(text)
            sources.append(row.get("query") or row["cypher"])
    mutated: list[tuple[str, str]] = []
    names = list(KINDS)
    while len(mutated) < arguments.mutated:
        kind = names[len(mutated) % len(names)]
        text_or_none = mutate(random.choice(sources), kind, random)
        if text_or_none is None:
            kind = "double a token"
            text_or_none = mutate(random.choice(sources), kind, random)
        if text_or_none is not None:
            mutated.append((kind, text_or_none))
    verdicts = [ours(query) for _, query in mutated]

    modules = neo4j_grammar.npm_install(arguments.modules)
    chosen = sorted(random.sample(range(len(mutated)), min(arguments.sample, len(mutated))))
    plain = random.sample(originals, min(len(originals), arguments.sample // 4))
    answers = front_end(modules, [mutated[i][1] for i in chosen] + plain)
    kinds = Kinds()
    by_kind: dict[str, list[bool]] = {}
    for i, errors in zip(chosen, answers, strict=False):
        kind, query = mutated[i]
        if errors:
            by_kind.setdefault(kind, []).append(bool(verdicts[i]))
        if bool(errors) != bool(verdicts[i]):
            kinds.add(kind_of(errors[0]) if errors else "", verdicts[i], query)
    refused = sum(bool(errors) for errors in answers[len(chosen) :])
    print(f"of {len(plain)} generated queries, the front end rejects {refused}")
    kinds.table("Neo4j's front end, mutated queries", len(chosen))
    print("\n| kind of mutation | the front end rejects | of these we reject |\n|---|---|---|")
    for kind, flags in sorted(by_kind.items()):
        print(f"| {kind} | {len(flags)} | {sum(flags)} |")
    engines(originals, mutated, verdicts)


def engines(originals: list[str], mutated: list[tuple[str, str]], verdicts: list[str]) -> None:
    """Queries on empty databases: what an engine refuses that we accept, and the reverse."""
    for name in ENGINES:
        refused, accepted = Kinds(), Kinds()
        with ExitStack() as stack:
            engine: Any = stack.enter_context(open_engine(name, Limits(seconds=3, rows=10_000)))
            texts = [*((query, "") for query in originals)]
            texts += [(query, code) for (_, query), code in zip(mutated, verdicts, strict=True)]
            for query, code in texts:
                result = engine.run(query, {})
                if not result.error and code:
                    accepted.add("", code, query)
                elif result.error and not code:
                    refused.add(f"{result.error_kind}: {kind_of(result.error)}", "", query)
        total = len(texts)
        print(f"\n{name}: {sum(accepted.counts.values()):,} accepted that we reject, by our code: ")
        print(", ".join(f"{our} {n}" for (_, our), n in accepted.counts.most_common(12)))
        kinds = Counter[str]()
        for (theirs, _), number in refused.counts.items():
            kinds[theirs.split(":")[0]] += number
        print(f"{name}: not run of {total:,} that we accept: {dict(kinds)}")


if __name__ == "__main__":
    main()
