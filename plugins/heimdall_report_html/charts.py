"""The plots, as SVG for a page: drawn by matplotlib, coloured by the page's own style sheet, so
that one picture serves light and dark."""

from __future__ import annotations

import io
import itertools
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from importlib import import_module
from typing import Any

from heimdall_core.errors import missing_extra

#: Colours that stand for the page's; matplotlib writes them and they are exchanged afterwards.
_INK, _FAINT = "#010101", "#020202"
_SERIES = ("#030303", "#040404", "#050505")
_THEME = {
    _INK: "var(--ink-2)",
    _FAINT: "var(--line)",
    _SERIES[0]: "var(--c1)",
    _SERIES[1]: "var(--c2)",
    _SERIES[2]: "var(--c3)",
}
_WIDTH, _HEIGHT = 4.4, 2.7

_numbers = itertools.count()


def curves(
    title: str,
    series: Mapping[str, Sequence[tuple[float, float]]],
    *,
    x: str,
    y: str,
) -> str:
    """Lines over steps; `series` by name, each of (step, value)."""
    with _figure(title) as (axes, done):
        for (name, points), colour in zip(series.items(), _SERIES, strict=False):
            xs, ys = zip(*points, strict=True)
            axes.plot(xs, ys, color=colour, label=name, marker="o" if len(points) < 3 else "")
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        if len(series) > 1:
            axes.legend(frameon=False)
    return done[0]


def histogram(
    title: str,
    series: Mapping[str, Sequence[float]],
    *,
    x: str,
    limit: tuple[str, float] | None = None,
) -> str:
    """How often values occur; `limit` is a line with its name."""
    every = [value for values in series.values() for value in values]
    top = _quantile(every, 0.99) * 1.05 or 1.0
    with _figure(title) as (axes, done):
        for (name, values), colour in zip(series.items(), _SERIES, strict=False):
            kept = [min(value, top) for value in values]
            axes.hist(kept, bins=30, range=(0, top), color=colour, alpha=0.65, label=name)
        if limit is not None and limit[1] <= 1.5 * top:
            axes.axvline(limit[1], color=_INK, linestyle="--", linewidth=1, label=limit[0])
        axes.set_xlabel(x)
        axes.set_ylabel("rows")
        axes.legend(frameon=False)
    return done[0]


def bars(title: str, counts: Mapping[str, float], *, x: str, most: int = 24) -> str:
    """Horizontal bars, the longest on top; beyond `most`, the rest in one."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    if len(ordered) > most:
        rest = ordered[most - 1 :]
        total = sum(value for _, value in rest)
        ordered = [*ordered[: most - 1], (f"{len(rest)} others", total)]
    names = [_short(name) for name, _ in ordered]
    values = [value for _, value in ordered]
    with _figure(title, height=0.7 + 0.21 * len(ordered)) as (axes, done):
        places = range(len(ordered))
        drawn = axes.barh(places, values, color=_SERIES[0], height=0.68)
        axes.bar_label(drawn, [f"{value:,.0f}" for value in values], padding=3, color=_INK, size=8)
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.14)
        axes.set_xlabel(x)
    return done[0]


def _short(name: str) -> str:
    return name if len(name) <= 26 else name[:25] + "…"


def _quantile(values: Sequence[float], share: float) -> float:
    if len(values) < 2:
        return max(values, default=0.0)
    return statistics.quantiles(values, n=100, method="inclusive")[round(share * 100) - 1]


@contextmanager
def _figure(title: str, height: float = _HEIGHT) -> Iterator[tuple[Any, list[str]]]:
    """Axes to draw on; when the block ends, the list holds the SVG."""
    try:
        mpl: Any = import_module("matplotlib")
        figures: Any = import_module("matplotlib.figure")
    except ImportError as error:
        raise missing_extra("matplotlib", "report", "`heimdall report`") from error
    done: list[str] = []
    style: dict[str, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "heimdall",
        "font.size": 9,
        "font.family": "sans-serif",
        "text.color": _INK,
        "axes.labelcolor": _INK,
        "axes.edgecolor": _FAINT,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": _FAINT,
        "grid.linewidth": 0.6,
        "xtick.color": _FAINT,
        "ytick.color": _FAINT,
        "xtick.labelcolor": _INK,
        "ytick.labelcolor": _INK,
        "lines.linewidth": 1.8,
        "legend.fontsize": 8,
        "axes.formatter.useoffset": False,
        "text.parse_math": False,  # a category may hold a `$`
    }
    with mpl.rc_context(style):
        figure = figures.Figure(figsize=(_WIDTH, height), layout="constrained")
        axes: Any = figure.add_subplot()
        yield axes, done
        buffer = io.StringIO()
        metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(buffer, format="svg", transparent=True, metadata=metadata)
    done.append(_for_page(buffer.getvalue(), title))


def _for_page(svg: str, title: str) -> str:
    """Without XML's head, with the page's colours and font, and ids of its own."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)  # it would be the whole page's
    for colour, variable in _THEME.items():
        svg = svg.replace(colour, variable)
    svg = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font: \1px var(--font)", svg)
    prefix = f"f{next(_numbers)}-"
    svg = re.sub(r'\bid="', f'id="{prefix}', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}", svg)
    head, rest = svg.split(">", 1)
    box = re.search(r'viewBox="[^"]*"', head)
    viewbox = box[0] if box else ""
    label = escape(title)
    # An inline picture needs no namespaces of XML's.
    return f'<svg {viewbox} role="img" aria-label="{label}"><title>{label}</title>{rest}'.strip()
