"""How far a judge can be trusted: its scores against pairs that people have labelled."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from heimdall_core.errors import DatasetError
from heimdall_gen_distill.engine import Distiller, FindTeacher
from heimdall_gen_distill.items import Item
from heimdall_gen_distill.options import DistillOptions
from heimdall_gen_distill.outcomes import Outcome
from heimdall_gen_distill.words import values_in


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
        if not all(isinstance(pair.get(name), str) for name in ("question", "query")):
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
    prices: str = "",
    cache: str = "",
) -> dict[str, Any]:
    """Agreement, Cohen's kappa and both kinds of mistakes, of the pairs that were scored; beside
    it the same for a rule that needs no judge."""
    pairs = labelled_pairs(path)
    options = DistillOptions(
        teacher=judge,
        teacher_options=judge_options,
        task="judge",
        min_score=min_score,
        budget_usd=budget_usd,
        prices=prices,
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
        distiller.run(
            lambda outcome: outcomes.update({outcome.item.index: outcome}), items=list(items())
        )
    finally:
        distiller.cache.close()
    if distiller.fatal is not None:
        raise distiller.fatal
    said: list[bool | None] = []
    for index in range(len(pairs)):
        outcome = outcomes[index]
        is_judged = outcome.reason.startswith("judged")
        said.append(True if outcome.status == "accepted" else False if is_judged else None)
    return {
        "unscored": said.count(None),
        "not_asked": sum(each.status == "not asked" for each in outcomes.values()),
        "stopped": distiller.stopped,
        **_figures(pairs, said),
        "by_kind": _by_kind(pairs, said),
        "rule": _figures(pairs, [names_agree(pair) for pair in pairs]),
        "usd": round(distiller.budget.spent, 6),
    }


def names_agree(pair: Mapping[str, Any]) -> bool:
    """What needs no judge: whether the question holds every value of the query. A judge that does
    no better than this rule is not worth its price."""
    question = pair["question"].lower()
    return all(value.lower() in question for value in values_in(pair["query"]))


def _by_kind(pairs: Sequence[Mapping[str, Any]], said: Sequence[bool | None]) -> dict[str, str]:
    """Of each kind of pair, how many were judged as labelled: `3 of 4`."""
    found: dict[str, list[bool]] = {}
    for pair, verdict in zip(pairs, said, strict=True):
        found.setdefault(str(pair.get("kind", "")), []).append(verdict == pair["right"])
    return {kind: f"{sum(each)} of {len(each)}" for kind, each in sorted(found.items()) if kind}


def _figures(pairs: Sequence[Mapping[str, Any]], said: Sequence[bool | None]) -> dict[str, Any]:
    table = {(label, verdict): 0 for label in (True, False) for verdict in (True, False)}
    for pair, verdict in zip(pairs, said, strict=True):
        if verdict is not None:
            table[pair["right"], verdict] += 1
    total = sum(table.values())
    agreed = table[True, True] + table[False, False]
    observed = agreed / total if total else 0.0
    right = (table[True, True] + table[True, False]) / total if total else 0.0
    taken = (table[True, True] + table[False, True]) / total if total else 0.0
    chance = right * taken + (1 - right) * (1 - taken)
    return {
        "pairs": total,
        "agreed": agreed,
        "agreement": round(observed, 4),
        "kappa": round((observed - chance) / (1 - chance), 4) if chance < 1 else 0.0,
        "wrong_accepted": table[False, True],
        "right_refused": table[True, False],
    }
