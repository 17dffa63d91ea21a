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
from heimdall_core.types import Example, Json

#: A suite as plain JSON.
Suite = Mapping[str, Any]

_FORMAT = 1


def suite_of(
    registry: Registry,
    rows: Sequence[Example],
    evaluators: Mapping[str, Any],
    *,
    max_new_tokens: int,
    schemas: Mapping[str, Json] | None = None,
) -> dict[str, Any]:
    """The fingerprint of a suite: checksums of its rows and of the prompts as they are rendered,
    and version, source and options of each evaluator with what its figures depend on: languages
    (which check and normalise), graph schemas, engines, models."""
    surroundings = {
        "languages": _languages(registry, rows),
        "schemas": _schemas(rows, schemas or {}),
    }
    return {
        "heimdall_suite": _FORMAT,
        "rows": {"count": len(rows), "sha256": _sha256(_row_text(row) for row in rows)},
        "prompts": {"sha256": _sha256(prompt_of(row) for row in rows)},
        "max_new_tokens": max_new_tokens,
        "evaluators": {
            name: evaluator_mark(registry, name, options)
            | (surroundings if "answers" in registry.evaluator(name).needs else {})
            for name, options in evaluators.items()
        },
    }


def evaluator_mark(registry: Registry, name: str, options: Any) -> dict[str, Any]:
    """What an evaluator's figures depend on, by itself."""
    info = registry.provider("evaluator", name)
    evaluator = registry.evaluator(name)
    return {
        "version": evaluator.version,
        "distribution": f"{info.distribution} {info.version}".strip(),
        "source": code_digest(info.module)[:16],
        "options": unstructure(options),
        "depends": dict(evaluator.depends(options)) if evaluator.depends is not None else {},
    }


def _languages(registry: Registry, rows: Sequence[Example]) -> dict[str, str]:
    """Of each language that the rows name, the plugin's version and source; of all languages where
    a row names none, for any may look at it."""
    known = registry.names("language")
    named = {row.language for row in rows}
    found = {}
    for name in sorted(set(known) if "" in named else named & set(known)):
        info = registry.provider("language", name)
        found[name] = f"{info.distribution} {info.version} {code_digest(info.module)[:16]}".strip()
    return found


def _schemas(rows: Sequence[Example], schemas: Mapping[str, Json]) -> str:
    """A checksum over the contents of the graph schemas that the rows name."""
    names = sorted({row.schema for row in rows if row.schema in schemas})
    return _sha256(json.dumps([name, schemas[name]], sort_keys=True, default=str) for name in names)


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
            keys = {**mine[name], **theirs[name]}
            changed = [key for key in keys if mine[name].get(key) != theirs[name].get(key)]
            found.append(f"'{name}' has {_changes(changed, mine[name], theirs[name])}")
    return found


def _changes(keys: Sequence[str], mine: Suite, theirs: Suite) -> str:
    words = []
    for key in keys:
        one, other = mine.get(key), theirs.get(key)
        if key in ("languages", "depends") and one is not None and other is not None:
            names = [name for name in {**one, **other} if one.get(name) != other.get(name)]
            what = "language plugin" if key == "languages" else "dependency"
            words.append(f"another {what} ({', '.join(names)})")
        elif key == "schemas":
            words.append("graph schemas with other contents")
        else:
            words.append(f"another {key}")
    return " and ".join(words)


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


def locked_rows(suite: Suite) -> int:
    """The most rows that were read when a suite was locked."""
    return int(suite.get("max_rows") or suite["rows"]["count"])


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


def refuse_near_leaks(train: Path, test: Path, where: str) -> str:
    """As `refuse_leaks`, for rows that are almost the same and have the same answer. Needs the
    packages of the search for near-duplicates; without them nothing is looked for, and the note
    that comes back says so. '' where it was."""
    if not available():
        return (
            "rows that are almost the same as training rows were not looked for: that needs numpy "
            "and rensa; install them with: pip install 'heimdall-slm[data]'"
        )
    parts = {"train": train, "test": test}
    found = find_leaks(parts, by=("near",))["near"]
    if count := sum(found.values()):
        raise _leak(f"{count} almost equal rows of the test set", where)
    return ""


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
