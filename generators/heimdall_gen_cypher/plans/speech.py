"""A `Reading` as a question, command or fragment, and as the explanation of its query."""

from __future__ import annotations

from heimdall_gen_cypher.plans.nouns import (
    conditions,
    counted,
    name_of,
    phrase,
    said,
    told,
    types_of,
    which,
)
from heimdall_gen_cypher.plans.reading import Item, Measure, Reading
from heimdall_gen_cypher.plans.voice import Voice, listed, many, upper_first

_SHOW = ("Show", "List", "Return", "Give me", "Find", "Get", "I need", "Fetch")
_NOUNS = {
    "sum": ("total {p}", "sum of the {p}"),
    "avg": ("average {p}", "mean {p}"),
    "min": ("lowest {p}", "minimum {p}", "smallest {p}"),
    "max": ("highest {p}", "maximum {p}", "largest {p}"),
}


def ask(reading: Reading, voice: Voice) -> str:
    """The plan as a prompt."""
    lead = {"EXPLAIN": "show the plan without running it", "PROFILE": "run it and show its profile"}
    text = _steps(reading, voice) if _walks(reading, voice) else _nested(reading, voice)
    if reading.prefix:
        return voice.pick(
            (
                f"{upper_first(lead[reading.prefix])}: {text}",
                f"{reading.prefix} this request: {text}",
            )
        )
    return text


def explain(reading: Reading) -> str:
    """What the query does, in a sentence or two that the plan alone determines."""
    voice = Voice(None)
    root = phrase(reading, voice, "each")
    if reading.measures:
        verb = f"returns {_measured(reading, voice)}"
        lead = f"It matches {phrase(reading, voice, 'many')} and {verb}"
    elif _alone(reading):
        what = told(reading, voice, reading.columns, alone=True)
        lead = f"It returns {what} of {root}"
        if reading.columns[0].of is None:
            lead = f"It returns {root}"
        if reading.total:
            lead += f", with that number as {reading.total}"
    else:
        what = told(reading, voice, reading.columns, alone=False)
        lead = f"For {root}, it returns {what}"
        if not reading.distinct:
            lead += ", one row per match"
    text = lead + (", without duplicate rows" if reading.distinct else "")
    text += _order(reading, voice) + _bounds(reading, voice) + "."
    if reading.prefix == "EXPLAIN":
        text += " EXPLAIN shows the plan and does not run the query."
    elif reading.prefix == "PROFILE":
        text += " PROFILE runs the query and shows what each step cost."
    return text


# --- forms -------------------------------------------------------------------------------------


def _walks(reading: Reading, voice: Voice) -> bool:
    """Whether the chain is told step by step."""
    if not reading.hops or any(hop.quantifier != "a" for hop in reading.hops):
        return False
    return voice.chance(0.25 if len(reading.hops) < 3 else 0.6)


def _steps(reading: Reading, voice: Voice) -> str:
    start = voice.pick(("Start from", "Take", "Begin with", "Start at"))
    first = reading.spots[0]
    text = f"{start} {voice.many(first.node)}{conditions(first, voice, many=True)}"
    for place, hop in enumerate(reading.hops):
        spot = reading.spots[place + 1]
        also = f" ({hop.predicate.whose(voice)})" if hop.predicate is not None else ""
        types = types_of(hop)
        if hop.undirected:
            step = f"follow {types}{also} in either direction to"
        elif hop.forward:
            step = voice.pick((f"follow {types}{also} to", f"go along {types}{also} to"))
        else:
            step = voice.pick(
                (f"follow {types}{also} backwards to", f"go back along {types}{also} to")
            )
        link = ", then " if place else voice.pick((", ", " and "))
        text += f"{link}{step} {voice.many(spot.node)}{conditions(spot, voice, many=True)}"
    if reading.measures:
        what = _measured(reading, voice)
    elif len(reading.columns) == 1 and reading.columns[0].of is None:
        what = _nodes(reading, voice)
    else:
        what = told(reading, voice, reading.columns, alone=False)
    lead = voice.pick(("Return", "Show", "Give", "List"))
    copies = "" if reading.measures else _copies(reading, voice)
    return f"{text}. {lead} {what}{copies}{_order(reading, voice)}{_bounds(reading, voice)}."


def _nested(reading: Reading, voice: Voice) -> str:
    if reading.measures:
        return _measure_question(reading, voice)
    tail = _copies(reading, voice) + _order(reading, voice) + _bounds(reading, voice)
    show = voice.pick(_SHOW)
    style = voice.pick(("command", "command", "question", "fragment", "which"))
    if len(reading.columns) == 1 and reading.columns[0].of is None and not reading.total:
        return _whole(reading, voice, style, show, tail)
    extra = ""
    if reading.total:
        extra = voice.pick(
            (f", and that number as {reading.total}", f", with the count as {reading.total}")
        )
    if not _alone(reading):
        what = told(reading, voice, reading.columns, alone=False) + extra
        if style in ("question", "which"):
            return f"For {phrase(reading, voice, 'each')}, what {_is(reading)} {what}{tail}?"
        if style == "fragment":
            return f"{_plainly(what)} for {phrase(reading, voice, 'each')}{tail}"
        if voice.chance(0.5):
            root = phrase(reading, voice, "each")
            return f"{show} {what} for {root}{tail}."
        root = phrase(reading, voice, "each")
        return f"For {root}, {voice.pick(('show', 'return', 'give', 'list'))} {what}{tail}."
    what = told(reading, voice, reading.columns, alone=True)
    if style == "which" and (question := which(reading, voice)):
        shown = voice.pick((what, _plainly(what)))
        return f"{question}? {voice.pick(_SHOW[:4])} {shown}{extra}{tail}."
    if style == "question" and not extra:
        return f"What {_is(reading)} {what} of {phrase(reading, voice, 'each')}{tail}?"
    root = phrase(reading, voice, "each" if voice.chance(0.5) else "many")
    if style == "fragment":
        return f"{_plainly(what)} of {root}{extra}{tail}"
    return f"{show} {what} of {root}{extra}{tail}."


def _whole(reading: Reading, voice: Voice, style: str, show: str, tail: str) -> str:
    """A question for nodes as they are."""
    root = phrase(reading, voice, "many")
    all_ = voice.pick(("all ", "", "the "))
    if style in ("question", "which") and (question := which(reading, voice)):
        return f"{question}? Return {voice.pick(('whole nodes', 'the nodes themselves'))}{tail}."
    if style == "fragment":
        return f"whole nodes: {root}{tail}"
    return f"{show} {all_}{root}, as whole nodes{tail}."


def _measure_question(reading: Reading, voice: Voice) -> str:
    """Aggregates, for the whole or per group."""
    tail = _order(reading, voice) + _bounds(reading, voice)
    root = phrase(reading, voice, "many")
    one = reading.measures[0]
    if (
        not reading.columns
        and len(reading.measures) == 1
        and one.function == "count"
        and one.item.of is None
    ):
        different = "different " if one.distinct else ""
        return voice.pick(
            (
                f"How many {different}{root} are there?",
                f"Count the {different}{root}.",
                f"What is the number of {different}{root}?",
                f"number of {different}{root}",
                f"Tell me how many {different}{root} there are.",
            )
        )
    what = _measured(reading, voice)
    if not reading.columns:
        verb = "is" if len(reading.measures) == 1 else "are"
        return voice.pick(
            (
                f"What {verb} {what}, over all {root}?",
                f"Calculate {what} over {root}.",
                f"Over all {root}, what {verb} {what}?",
                f"{_plainly(what)}, over {root}",
            )
        )
    return voice.pick(
        (
            f"Among {root}, {voice.pick(('show', 'return', 'list'))} {what}{tail}.",
            f"{voice.pick(_SHOW[:4])} {what}, over all {root}{tail}.",
            f"Group {root}: {voice.pick(('show', 'return', 'list'))} {what}{tail}.",
            f"{what}, over {root}{tail}",
        )
    )


def _measured(reading: Reading, voice: Voice) -> str:
    """`each studio name with the average film rating`: what rows are grouped by comes first, in
    the question as in the answer."""
    parts = [_measure(reading, voice, measure) for measure in reading.measures]
    what = listed(parts)
    if not reading.columns:
        return what
    alone = len(reading.spots) == 1
    keys = [
        voice.column(item.of)
        if alone and item.of is not None
        else said(reading, voice, item, "{p} of the {n}" if reading.twice(item.spot) else "{n} {p}")
        for item in reading.columns
    ]
    each = voice.pick(("each", "every"))
    return f"{each} {listed(keys)} {voice.pick(('with', 'together with', 'and'))} {what}"


def _measure(reading: Reading, voice: Voice, measure: Measure) -> str:
    item = measure.item
    alias = f" (as {measure.alias})" if measure.alias else ""
    different = "different " if measure.distinct else ""
    if measure.function == "count":
        if item.of is None:
            return f"the number of {different}{counted(reading, voice, item.spot)}{alias}"
        name = voice.prop(item.of)
        if len(reading.spots) > 1:
            name = f"{name_of(reading, voice, item.spot)} {name}"
        return f"the number of {different}{name} values{alias}"
    assert item.of is not None  # noqa: S101 - only counts take whole nodes
    name = voice.prop(item.of)
    if item.hop:
        name = f"{types_of(reading.hops[item.spot])} {name}"
    elif len(reading.spots) > 1:
        name = f"{name_of(reading, voice, item.spot)} {name}"
    if measure.function == "collect":
        kind = "all different" if measure.distinct else "all"
        return f"the list of {kind} {name} values{alias}"
    return f"the {voice.pick(_NOUNS[measure.function]).format(p=name)}{alias}"


# --- tails -------------------------------------------------------------------------------------


def _copies(reading: Reading, voice: Voice) -> str:
    """What becomes of rows that are the same."""
    if reading.distinct:
        return voice.pick(
            (
                ", without duplicate rows",
                ", each different row once",
                ", distinct rows only",
                ", no duplicates",
            )
        )
    told_ = {item.spot for item in reading.columns if not item.hop}
    joined = (
        range(reading.joined) if not any(h.quantifier == "more" for h in reading.hops) else (0,)
    )
    if all(place in told_ for place in joined):
        return ""
    return voice.pick(
        (", one row per match", ", once for every match", ", with a row for each match")
    )


def _order(reading: Reading, voice: Voice) -> str:
    if not reading.sorts:
        return ""
    parts = []
    for sort in reading.sorts:
        if sort.item is None:
            name = "that number"
            if reading.total:
                name = reading.total
            elif reading.measures:
                name = reading.measures[sort.measure].alias or "that value"
        elif (_alone(reading) and sort.item.of is not None and not sort.item.hop) or (
            reading.measures and len(reading.spots) == 1 and sort.item.of is not None
        ):
            name = voice.prop(sort.item.of)
        else:
            name = said(reading, voice, sort.item, "{n} {p}")
        if sort.descending:
            parts.append(voice.pick((f"{name} in descending order", f"{name} descending")))
        else:
            parts.append(voice.pick((name, f"{name} in ascending order", f"{name} ascending")))
    lead = voice.pick(("sorted by", "ordered by", "arranged by"))
    return f", {lead} {' and then by '.join(parts)}"


def _bounds(reading: Reading, voice: Voice) -> str:
    n, s = reading.limit, reading.skip
    gone = "the first row" if s == 1 else f"the first {s} rows"
    rows = "row" if n == 1 else f"{n} rows"
    if s and n:
        return voice.pick(
            (
                f", skipping {gone} and returning the next {rows}",
                f"; leave out {gone}, then give the next {rows}",
            )
        )
    if s:
        return f", skipping {gone}"
    if not n:
        return ""
    if reading.sorts:
        return voice.pick((f", only the first {rows}", f", the first {rows} only", f", limit {n}"))
    most = "one row" if n == 1 else rows
    return voice.pick((f", at most {most}", f", no more than {most}", f", limited to {most}"))


def _alone(reading: Reading) -> bool:
    """Whether only the first node is returned and sorted by."""
    items: list[Item] = [*reading.columns]
    items += [sort.item for sort in reading.sorts if sort.item is not None]
    return all(item.spot == 0 and not item.hop for item in items)


def _nodes(reading: Reading, voice: Voice) -> str:
    spot = reading.columns[0].spot
    return f"the {counted(reading, voice, spot)} as whole nodes"


def _is(reading: Reading) -> str:
    if len(reading.columns) > 1:
        return "are"
    of = reading.columns[0].of
    return "are" if of is not None and many(of) and of.type not in ("BOOLEAN", "DATE") else "is"


def _plainly(text: str) -> str:
    return text.removeprefix("the ")
