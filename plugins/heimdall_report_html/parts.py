"""Small pieces of HTML. Everything that comes from data goes through `text`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any


def text(value: Any) -> str:
    """Anything as escaped text."""
    return escape(str(value), quote=True)


def base_name(metric: str) -> str:
    """The metric in a figure's name, such as `latency` in `latency/unseen_schemas@Q8_0`."""
    return metric.partition("@")[0].partition("/")[0]


def figure(value: float | None, metric: str = "") -> str:
    """A figure in the unit of its metric."""
    if value is None:
        return "–"
    if base_name(metric) == "latency":
        return f"{value:,.0f} ms" if value >= 10 else f"{value:.1f} ms"
    if abs(value) >= 10 and value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3f}"


def interval(metric: Mapping[str, Any], name: str) -> str:
    """The 95 % interval of a metric."""
    if metric["low"] is None or metric["high"] is None:
        return "–"
    return f"{figure(metric['low'], name)} – {figure(metric['high'], name)}"


def rows_of(metric: Mapping[str, Any]) -> str:
    """The rows behind a metric, `246 of 400` where some were not measured."""
    few = metric["rows"] > metric["n"]
    return f"{metric['n']:,}" + (f" of {metric['rows']:,}" if few else "")


def change(value: float | None, metric: str = "") -> str:
    """A difference, with its sign."""
    if value is None:
        return ""
    if base_name(metric) == "latency":
        return f"{value:+,.0f} ms"
    return f"{value:+.3f}" if abs(value) < 100 else f"{value:+,.1f}"


def badge(words: str, kind: str = "") -> str:
    """A coloured word: `good`, `bad`, `warn` or plain."""
    return f'<span class="badge {kind}">{text(words)}</span>'


def table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[int] = ()
) -> str:
    """A table that scrolls by itself where the page is narrow. Cells are HTML; columns in `numbers`
    stand to the right."""

    def cell(tag: str, place: int, html: str) -> str:
        kind = ' class="n"' if place in numbers else ' class="name"' if place == 0 else ""
        return f"<{tag}{kind}>{html}</{tag}>"

    head = "".join(cell("th", place, text(name)) for place, name in enumerate(heads))
    body = "".join(
        "<tr>" + "".join(cell("td", place, html) for place, html in enumerate(row)) + "</tr>"
        for row in rows
    )
    whole = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="scroll">{whole}</div>'


def facts(pairs: Iterable[tuple[str, Any]]) -> str:
    """Names and values; pairs without a value are left out."""
    inner = "".join(
        f"<dt>{text(name)}</dt><dd>{text(value)}</dd>"
        for name, value in pairs
        if value not in (None, "", [], {}, ())
    )
    return f"<dl>{inner}</dl>"


def card(title: str, *html: str) -> str:
    """A box with a small title."""
    head = f"<h3>{text(title)}</h3>" if title else ""
    return f'<div class="card">{head}{"".join(html)}</div>'


def size(count: float | None) -> str:
    """`1.5 MB`, in powers of 1000."""
    if count is None:
        return "–"
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def listing(counts: dict[str, int]) -> str:
    """`MIT 1,500, Apache-2.0 20`."""
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
