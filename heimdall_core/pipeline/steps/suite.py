"""What a model was measured on: rows, prompts, evaluators. Figures of two models can be compared
where these are the same, and only there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from heimdall_core.dataset import read_examples
from heimdall_core.dataset.groups import loose_prompt
from heimdall_core.dataset.leakage import find_leaks
from heimdall_core.dataset.near import available
from heimdall_core.dataset.rows import digest
from heimdall_core.errors import HeimdallError
from heimdall_core.pipeline.measure import code_digest
from heimdall_core.pipeline.steps.models import prompt_of
from heimdall_core.pipeline.store import write_json
from heimdall_core.registry import Registry
from heimdall_core.structure import unstructure
from heimdall_core.types import Example

#: A suite as plain JSON.
Suite = Mapping[str, Any]

_FORMAT = 1


def suite_of(
    registry: Registry,
    rows: Sequence[Example],
    evaluators: Mapping[str, Any],
    *,
    max_new_tokens: int,
) -> dict[str, Any]:
    """The fingerprint of a suite: checksums of its rows and of the prompts as they are rendered,
    and version, source and options of each evaluator."""
    return {
        "heimdall_suite": _FORMAT,
        "rows": {"count": len(rows), "sha256": _sha256(_row_text(row) for row in rows)},
        "prompts": {"sha256": _sha256(prompt_of(row) for row in rows)},
        "max_new_tokens": max_new_tokens,
        "evaluators": {
            name: evaluator_mark(registry, name, options) for name, options in evaluators.items()
        },
    }


def evaluator_mark(registry: Registry, name: str, options: Any) -> dict[str, Any]:
    """What an evaluator's figures depend on."""
    info = registry.provider("evaluator", name)
    return {
        "version": registry.evaluator(name).version,
        "distribution": f"{info.distribution} {info.version}".strip(),
        "source": code_digest(info.module)[:16],
        "options": unstructure(options),
    }


def differences(one: Suite, other: Suite, metrics: Iterable[str] | None = None) -> list[str]:
    """In words, what makes two suites different; empty where figures can be compared. With
    `metrics`, only these evaluators count."""
    found = []
    if one["rows"] != other["rows"]:
        counts = f"{one['rows']['count']} and {other['rows']['count']} rows"
        same = one["rows"]["count"] == other["rows"]["count"]
        found.append("other rows" if same else f"other rows ({counts})")
    elif one["prompts"] != other["prompts"]:
        found.append("the same rows are rendered to other prompts")
    if one["max_new_tokens"] != other["max_new_tokens"]:
        found.append(f"answers of {one['max_new_tokens']} and {other['max_new_tokens']} tokens")
    mine, theirs = one["evaluators"], other["evaluators"]
    for name in metrics if metrics is not None else sorted({*mine, *theirs}):
        if name not in mine or name not in theirs:
            found.append(f"'{name}' was measured in one of them only")
        elif mine[name] != theirs[name]:
            changed = [key for key in mine[name] if mine[name][key] != theirs[name].get(key)]
            found.append(f"'{name}' has another {' and '.join(changed)}")
    return found


def suite_path(answers: Path) -> Path:
    """Where the suite of an answers file lies: beside it."""
    return answers.with_name(answers.name.removesuffix(".jsonl") + ".suite.json")


def write_suite(path: Path, suite: Suite) -> None:
    """Writes a suite as a file that `read_suite` reads."""
    write_json(path, dict(suite))


def read_suite(path: Path) -> Suite:
    """A suite from its file; raises `HeimdallError` where it is none."""
    try:
        suite = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise HeimdallError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except ValueError as error:
        raise HeimdallError("is not valid JSON", where=str(path)) from error
    wanted = ("rows", "prompts", "max_new_tokens", "evaluators")
    if not isinstance(suite, dict) or any(key not in suite for key in wanted):
        raise HeimdallError("is no suite", where=str(path), hint="`heimdall suite lock` writes one")
    if suite.get("heimdall_suite") != _FORMAT:
        raise HeimdallError(
            f"is a suite of format {suite.get('heimdall_suite')}; this version reads {_FORMAT}",
            where=str(path),
            hint="lock the suite again",
        )
    return suite


def require_suite(wanted: Suite, found: Suite, where: str) -> None:
    """Raises `HeimdallError` where what is about to be measured is not the locked suite."""
    changed = differences(wanted, found)
    if changed:
        raise HeimdallError(
            f"the suite has changed since it was locked: {'; '.join(changed)}",
            where=where,
            hint="figures on it could not be compared with earlier ones; "
            "lock it anew with `heimdall suite lock` if that is meant",
        )


def refuse_leaks(train: Path, rows: Sequence[Example], where: str) -> None:
    """Raises `HeimdallError` where prompts of the training set stand among the rows to measure,
    alike but for case, spacing and punctuation: they would be remembered, not answered."""
    asked = {digest(loose_prompt(row)): row for row in rows}
    leaked = [
        asked[key] for row in read_examples(train) if (key := digest(loose_prompt(row))) in asked
    ]
    if leaked:
        count = len({row.content_id() for row in leaked})
        raise _leak(f"{count} of {len(rows)} test rows", where, f"'{leaked[0].instruction[:80]}'")


def refuse_near_leaks(train: Path, test: Path, where: str) -> None:
    """As `refuse_leaks`, for rows that are almost the same and have the same answer. Needs the
    packages of the search for near-duplicates; nothing is looked for without them."""
    if not available():
        return
    parts = {"train": train, "test": test}
    found = find_leaks(parts, by=("near",))["near"]
    if count := sum(found.values()):
        raise _leak(f"{count} almost equal rows of the test set", where)


def _leak(what: str, where: str, example: str = "") -> HeimdallError:
    return HeimdallError(
        f"{what} stand in the training set{', such as ' * bool(example)}{example}",
        where=where,
        hint="split again with `heimdall split`, or measure on other rows",
    )


def _row_text(row: Example) -> str:
    return json.dumps([row.content_id(), row.language, row.schema])


def _sha256(texts: Iterable[str]) -> str:
    total = hashlib.sha256()
    for text in texts:
        total.update(text.encode("utf-8", "surrogatepass"))
        total.update(b"\0")
    return total.hexdigest()
