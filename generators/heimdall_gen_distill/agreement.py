"""How far a judge can be trusted: its scores against pairs that people have labelled."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from heimdall_core.errors import DatasetError
from heimdall_gen_distill.engine import Distiller, FindTeacher
from heimdall_gen_distill.items import Item
from heimdall_gen_distill.options import DistillOptions
from heimdall_gen_distill.outcomes import Outcome


def labelled_pairs(path: Path | None) -> list[dict[str, Any]]:
    """Pairs with `question`, `query` and `right`: the built-in hundred, or the user's."""
    text = (
        path.read_text(encoding="utf-8")
        if path is not None
        else (files(__package__) / "labelled.jsonl").read_text(encoding="utf-8")
    )
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        where = f"{path or 'labelled.jsonl'}:{number}"
        try:
            pair = json.loads(line)
        except ValueError as error:
            raise DatasetError(f"not valid JSON: {error}", where=where) from error
        if not isinstance(pair, dict) or not isinstance(pair.get("right"), bool):
            raise DatasetError("needs question, query, and right = true or false", where=where)
        found.append(pair)
    return found


def measure(
    find_teacher: FindTeacher,
    judge: str,
    judge_options: Mapping[str, Any],
    path: Path | None,
    *,
    min_score: int = 4,
    budget_usd: float = 0.0,
    cache: str = "",
) -> dict[str, Any]:
    """Agreement, Cohen's kappa, and both kinds of mistakes."""
    pairs = labelled_pairs(path)
    options = DistillOptions(
        teacher=judge,
        teacher_options=judge_options,
        task="judge",
        min_score=min_score,
        budget_usd=budget_usd,
        cache=cache,
        execute=False,
    )
    outcomes: dict[int, Outcome] = {}

    def items() -> Iterator[Item]:
        for index, pair in enumerate(pairs):
            yield Item(
                index,
                f"pair {index + 1}",
                question=str(pair["question"]),
                query=str(pair["query"]),
                given=str(pair.get("schema", "")),
            )

    distiller = Distiller(options, find_teacher)
    try:
        distiller.run(lambda outcome: outcomes.update({outcome.item.index: outcome}), items=items())
    finally:
        distiller.cache.close()
    table = {(label, said): 0 for label in (True, False) for said in (True, False)}
    unscored = 0
    for index, pair in enumerate(pairs):
        outcome = outcomes[index]
        if outcome.status == "accepted":
            table[pair["right"], True] += 1
        elif outcome.reason.startswith("judged"):
            table[pair["right"], False] += 1
        else:
            unscored += 1
    return {"unscored": unscored, **_figures(table), "usd": round(distiller.budget.spent, 6)}


def _figures(table: Mapping[tuple[bool, bool], int]) -> dict[str, Any]:
    total = sum(table.values())
    agreed = table[True, True] + table[False, False]
    observed = agreed / total if total else 0.0
    right = (table[True, True] + table[True, False]) / total if total else 0.0
    said = (table[True, True] + table[False, True]) / total if total else 0.0
    chance = right * said + (1 - right) * (1 - said)
    return {
        "pairs": total,
        "agreed": agreed,
        "agreement": round(observed, 4),
        "kappa": round((observed - chance) / (1 - chance), 4) if chance < 1 else 0.0,
        "wrong_accepted": table[False, True],
        "right_refused": table[True, False],
    }
