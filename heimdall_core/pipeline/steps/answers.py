"""Answers on disk: written as they come, taken up again after a kill, and with their measurements
at the end."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

from attrs import field, frozen

from heimdall_core.dataset import atomic_text
from heimdall_core.errors import DatasetError
from heimdall_core.pipeline.store import digest_file, digest_json
from heimdall_core.types import Completion, Example, Measurement


class AnswerLog:
    """Answers of one model, appended as they come, by the prompt's hash.

    `key` says what they depend on beside the prompt; a log with another key is begun anew. A line
    that a killed process has not finished is left out. A context manager.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self._found: dict[str, Completion] = {}
        self._file: IO[str] | None = None
        self._key = key

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        kept = self._read()
        with atomic_text(self.path) as file:
            file.write(json.dumps({"key": self._key}) + "\n")
            file.writelines(kept)
        self._file = self.path.open("a", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def find(self, prompt: str) -> Completion | None:
        """The answer to a prompt, where it was given before."""
        return self._found.get(_hash(prompt))

    def add(self, prompts: Sequence[str], answers: Sequence[Completion]) -> None:
        """Writes answers down, and hands them to the system before it returns."""
        if self._file is None:
            raise ValueError("the log is not open")
        for prompt, answer in zip(prompts, answers, strict=True):
            self._found[_hash(prompt)] = answer
            line = {
                "prompt": _hash(prompt),
                "text": answer.text,
                "tokens": answer.tokens,
                "finish": answer.finish,
                "seconds": answer.seconds,
            }
            self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def remove(self) -> None:
        """Deletes the file, once its answers stand elsewhere."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> list[str]:
        """The lines of an earlier log with the same key, taken in."""
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        except (OSError, UnicodeDecodeError):
            return []
        kept = []
        for number, line in enumerate(lines):
            try:
                entry = json.loads(line)
                if number == 0:
                    if entry.get("key") != self._key:
                        return []
                    continue
                prompt = entry.pop("prompt")
                self._found[prompt] = Completion(**entry)
            except (ValueError, TypeError, KeyError, AttributeError):
                continue
            kept.append(line)
        return kept


def _hash(prompt: str) -> str:
    return hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def model_digest(path: Path) -> str:
    """SHA-256 over a model file, or over the files of a model folder that matter to its answers."""
    if path.is_file():
        return digest_file(path)
    kinds = (".json", ".safetensors", ".model", ".txt", ".jinja")
    files = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix in kinds)
    return digest_json({p.relative_to(path).as_posix(): digest_file(p) for p in files})


# --- answers with their measurements -------------------------------------------------------------


@frozen
class AnsweredRow:
    """One line of an answers file."""

    id: str
    instruction: str
    input: str
    expected: str
    answer: str | None
    """None where no metric needed one."""
    finish: str
    category: str
    difficulty: str
    context_size: str
    schema: str
    language: str
    measurements: Mapping[str, Measurement] = field(factory=dict)


def write_answers(
    path: Path,
    rows: Sequence[Example],
    completions: Sequence[Completion],
    measurements: Mapping[str, Sequence[Measurement]],
    difficulties: Sequence[str],
) -> None:
    """Every question with the right answer, the model's, and each metric's value for it."""
    with atomic_text(path) as file:
        for i, row in enumerate(rows):
            line: dict[str, Any] = {
                "id": row.id or row.content_id(),
                "instruction": row.instruction,
                "input": row.input,
                "expected": row.output,
                "category": row.category,
                "family": row.family,
                "schema": row.schema,
                "language": row.language,
                "difficulty": difficulties[i],
                "context_size": row.context_size,
            }
            if completions:
                answer = completions[i]
                line |= {
                    "answer": answer.text,
                    "tokens": answer.tokens,
                    "finish": answer.finish,
                }
            line["metrics"] = {
                name: _plain({**m[i].detail, "value": m[i].value, "weight": m[i].weight})
                for name, m in measurements.items()
            }
            file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")


def read_answers(path: Path) -> Iterator[AnsweredRow]:
    """The lines of an answers file; raises `DatasetError` with the line that is none."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield _answered(json.loads(line))
                except (ValueError, TypeError, KeyError, AttributeError) as error:
                    raise DatasetError(
                        "is no line of an answers file",
                        where=f"{path}:{number}",
                        hint="`heimdall evaluate --output` writes them, and runs do",
                    ) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not valid UTF-8"
        raise DatasetError(f"cannot be read: {reason}", where=str(path)) from error


def _answered(line: dict[str, Any]) -> AnsweredRow:
    measurements = {}
    for name, entry in line["metrics"].items():
        detail = {k: v for k, v in entry.items() if k not in ("value", "weight")}
        value = math.inf if entry["value"] is None else float(entry["value"])
        measurements[name] = Measurement(value, float(entry["weight"]), detail)
    return AnsweredRow(
        id=line["id"],
        instruction=line["instruction"],
        input=line.get("input", ""),
        expected=line["expected"],
        answer=line.get("answer"),
        finish=line.get("finish", ""),
        category=line.get("category", ""),
        difficulty=line.get("difficulty", ""),
        context_size=line.get("context_size", ""),
        schema=line.get("schema", ""),
        language=line.get("language", ""),
        measurements=measurements,
    )


def _plain(value: Any) -> Any:
    """JSON has no infinity and no NaN: null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
