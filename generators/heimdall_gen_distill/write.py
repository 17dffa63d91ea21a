"""A run's files: the accepted rows, the others with their reasons, and a report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import attrs

from heimdall_core.dataset import atomic_text, read_examples
from heimdall_core.dataset.remote import Remote, located, require_writable
from heimdall_core.errors import DatasetError
from heimdall_core.types import Event
from heimdall_gen_distill.engine import Distiller, FindTeacher
from heimdall_gen_distill.forecast import Forecast
from heimdall_gen_distill.journal import Journal
from heimdall_gen_distill.options import DistillOptions, inputs


def beside(output: Path, word: str) -> Path:
    """`distilled.rejected.jsonl` for `distilled.jsonl`."""
    name = output.name.removesuffix(".gz").removesuffix(".jsonl")
    return output.with_name(f"{name}.{word}")


def distill_file(
    options: DistillOptions,
    find_teacher: FindTeacher,
    output: Path,
    *,
    before: Callable[[Forecast], bool] | None = None,
    emit: Callable[[Event], None] = lambda event: None,
) -> dict[str, Any] | None:
    """Writes rows to `output` in the order of the prompts, the rest to `….rejected.jsonl`, and a
    report to `….report.json`; returns the report, or None where `before` says no."""
    distiller = Distiller(options, find_teacher, emit)
    journal = Journal()
    forecast: list[Forecast] = []

    def ask_first(found: Forecast) -> bool:
        forecast.append(found)
        if before is not None and not before(found):
            return False
        _require_place(options, output)  # before anything is paid
        return True

    try:
        distiller.run(journal.add, before=ask_first)
        if not distiller.progress.prompts and distiller.total:
            return None
        repeated = _write(journal, output)
    finally:
        journal.close()
        distiller.cache.close()
    report = _report(distiller, output, repeated, forecast[0], journal)
    with atomic_text(beside(output, "report.json")) as file:
        file.write(json.dumps(report, ensure_ascii=False, indent=2) + "\n")
    return report


def _require_place(options: DistillOptions, output: Path) -> None:
    """Raises `DatasetError` where the files could not be written, or would replace what they are
    made from."""
    named = [*inputs(options), *([Path(options.prices)] if options.prices else [])]
    sources = {path.resolve() for path in named}
    for path in (output, beside(output, "rejected.jsonl"), beside(output, "report.json")):
        place = located(path)
        if isinstance(place, Remote):
            require_writable(place)
            continue
        if place.resolve() in sources:
            raise DatasetError("is read by this run", where=str(path), hint="give another --output")
        if place.exists() and not place.is_file():
            raise DatasetError("is no regular file", where=str(path), hint="name a file")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            TemporaryFile(dir=place.parent).close()
        except OSError as error:
            raise DatasetError(f"cannot be written: {error.strerror}", where=str(path)) from error


def _write(journal: Journal, output: Path) -> int:
    """The files, and how many accepted rows were left out for asking what another one asks."""
    repeated = 0
    with atomic_text(output) as rows, atomic_text(beside(output, "rejected.jsonl")) as rejects:
        for line in journal.lines():
            if not line.row:
                rejects.write(line.reject + "\n")
                continue
            data = json.loads(line.row)
            prompt = json.dumps([data.get("system", ""), data["instruction"], data["input"]])
            key = hashlib.blake2b(prompt.encode(), digest_size=16).digest()
            if not journal.is_new(key):
                repeated += 1
                told = {"status": "repeated", "reason": "asked already", **_short(data)}
                rejects.write(json.dumps(told, ensure_ascii=False) + "\n")
                continue
            rows.write(line.row + "\n")
    return repeated


def _short(data: dict[str, Any]) -> dict[str, Any]:
    return {"question": data["instruction"], "answer": data["output"]}


def _report(
    distiller: Distiller, output: Path, repeated: int, forecast: Forecast, journal: Journal
) -> dict[str, Any]:
    progress, options = distiller.progress, distiller.options
    statuses = progress.statuses
    accepted = statuses["accepted"] - repeated
    return {
        "output": output.name,
        "task": options.task,
        "prompt": distiller.label,
        "teacher": options.teacher,
        "model": distiller.model,
        "prompts": progress.prompts,
        "rows": accepted,
        "repeated": repeated,
        "rejected": statuses["rejected"],
        "failed": statuses["failed"],
        "not_asked": statuses["not asked"],
        "reasons": dict(progress.reasons.most_common()),
        "acceptance": {name: round(rate, 4) for name, rate in progress.rates().items()},
        "requests": distiller.budget.sent,
        "failed_requests": dict(distiller.failures),
        "usd_this_run": round(distiller.budget.spent, 6),
        "usd_of_answers": round(journal.usd, 6),
        "usd_per_row": round(journal.usd / accepted, 8) if accepted else None,
        "tokens": journal.tokens,
        "price_date": distiller.price.date if distiller.price else "",
        "stopped": distiller.stopped,
        "fatal": distiller.fatal is not None,
        "seconds": round(distiller.seconds, 3),
        "seconds_asking": round(distiller.seconds_asking, 3),
        "forecast": attrs.asdict(forecast),
    }


def stats(path: Path) -> dict[str, Any]:
    """What a distilled file cost and holds, from its rows and, where it is there, its report."""
    if not path.is_file():
        raise DatasetError("is not a file", where=str(path))
    rows, usd, tokens = 0, 0.0, 0
    groups: dict[str, dict[str, float]] = {}
    for row in read_examples(path):
        meta = row.meta
        if "teacher" not in meta:
            continue
        rows += 1
        usd += float(meta.get("usd", 0))
        tokens += int(meta.get("tokens", 0))
        name = f"{meta['teacher']} {meta.get('model', '')} {meta.get('prompt', '')} {row.category}"
        group = groups.setdefault(name, {"rows": 0, "usd": 0.0})
        group["rows"] += 1
        group["usd"] += float(meta.get("usd", 0))
    found: dict[str, Any] = {"file": str(path), "rows": rows, "tokens": tokens}
    report_path = beside(path, "report.json")
    if report_path.is_file():
        try:
            report = json.loads(report_path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DatasetError(f"not valid JSON: {error}", where=str(report_path)) from error
        if not isinstance(report, dict):
            raise DatasetError("is no report of a run", where=str(report_path))
        keys = ("prompts", "rejected", "failed", "not_asked", "reasons", "acceptance")
        found |= {key: report.get(key) for key in keys}
        # What was paid for answers that were refused belongs to the price of those that were not.
        usd = max(usd, float(report.get("usd_of_answers") or 0))
    found["usd"] = round(usd, 6)
    found["usd_per_row"] = round(usd / rows, 8) if rows else None
    found["groups"] = groups
    return found
