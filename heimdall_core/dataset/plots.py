"""Plots of a dataset's figures, as SVG or PNG (extra `report`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from heimdall_core.dataset.describe import Description
from heimdall_core.errors import DatasetError, missing_extra

_MOST = 25
_BINS = 50


def write_plots(found: Description, folder: Path, suffix: str = "svg") -> list[Path]:
    """Writes the plots that the figures give into `folder`; returns their files.

    The same figures give the same bytes. Raises `HeimdallError` where matplotlib is missing, or
    the folder cannot be written.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise missing_extra("matplotlib", "report", "plots") from error
    jobs: dict[str, Callable[[Any], None]] = {}
    for name in ("categories", "families", "schemas", "context_sizes", "licences"):
        counts = found.counts[name]
        if len(counts) > 1 or any(counts):
            jobs[name] = _bars(counts, f"Rows by {_singular(name)}")
    for name, histogram in found.histograms.items():
        if histogram:
            jobs[f"length_{name.replace(' ', '_')}"] = _lengths(histogram, name)
    if found.complexity:
        levels = {f"level {level}": n for level, n in found.complexity.items()}
        jobs["complexity"] = _bars(levels, "Queries by complexity")
    for kind, counts in found.vocabulary.items():
        jobs[f"vocabulary_{kind}"] = _bars(counts, f"Rows that mention {kind}")
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, draw in jobs.items():
            path = folder / f"{name}.{suffix}"
            temporary = folder / f".{name}.part.{suffix}"
            with rc_context({"svg.hashsalt": "heimdall"}):
                figure = Figure(figsize=(8, 5), layout="constrained")
                FigureCanvasAgg(figure)
                draw(figure.subplots())
                figure.savefig(temporary, format=suffix, metadata=_undated(suffix), dpi=120)
            temporary.replace(path)
            written.append(path)
    except OSError as error:
        raise DatasetError(f"cannot be written: {error.strerror}", where=str(folder)) from error
    return written


def _undated(suffix: str) -> dict[str, Any]:
    return {"Date": None} if suffix == "svg" else {"Software": None}


def _bars(counts: Mapping[str, int], title: str) -> Callable[[Any], None]:
    def draw(axes: Any) -> None:
        shown = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_MOST]
        rest = sum(counts.values()) - sum(n for _, n in shown)
        if rest and len(counts) > _MOST:
            shown.append((f"{len(counts) - _MOST} others", rest))
        # `$` would be read as a formula.
        names = [(name or "not stated").replace("$", r"\$")[:40] for name, _ in shown]
        axes.barh(range(len(shown)), [n for _, n in shown], color="#3b6ea5")
        axes.set_yticks(range(len(shown)), names)
        axes.invert_yaxis()
        axes.set_xlabel("rows")
        axes.set_title(title)

    return draw


def _lengths(histogram: Mapping[int, int], name: str) -> Callable[[Any], None]:
    def draw(axes: Any) -> None:
        axes.hist(
            list(histogram),
            bins=min(_BINS, max(histogram) - min(histogram) + 1),
            weights=list(histogram.values()),
            color="#3b6ea5",
        )
        axes.set_xlabel(name.split()[-1])
        axes.set_ylabel("rows")
        axes.set_title(
            f"Length of {'the whole ' if name.startswith('row') else ''}{name.split()[0]}"
        )

    return draw


def _singular(name: str) -> str:
    return (
        name.removesuffix("ies") + "y"
        if name.endswith("ies")
        else name.removesuffix("s").replace("_", " ")
    )
