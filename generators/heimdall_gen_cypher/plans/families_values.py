"""Families of expressions: arithmetic, texts, CASE, lists, UNWIND, a subquery of its own."""

from __future__ import annotations

from heimdall_gen_cypher.plans.drawing import (
    ALIASES,
    Draw,
    groupable,
    key,
    numeric,
    with_conditions,
)
from heimdall_gen_cypher.plans.nouns import phrase
from heimdall_gen_cypher.plans.plan import Plan
from heimdall_gen_cypher.plans.query import match_of
from heimdall_gen_cypher.plans.reading import Item, Reading, Spot
from heimdall_gen_cypher.plans.voice import Voice
from heimdall_gen_cypher.terms import literal

_WORDS = ("result", "label", "band", "kind", "level", "verdict", "outcome", "remark")
_BANDS = (
    ("high", "medium", "low"),
    ("large", "middling", "small"),
    ("top", "average", "poor"),
    ("A", "B", "C"),
    ("red", "amber", "green"),
    ("heavy", "normal", "light"),
)
_NUMBERS = ("scores", "prices", "ages", "readings", "weights", "amounts")


def _subject(draw: Draw) -> Reading:
    node = draw.one(draw.schema.nodes)
    spot = with_conditions(draw, Spot(node), draw.one((0, 0, 1)))
    return Reading((spot,), columns=(Item(0, None),))


def computed(draw: Draw, voice: Voice) -> Plan | None:
    """A number computed from properties, under a name."""
    reading = _subject(draw)
    node = reading.spots[0].node
    numbers = numeric(node)
    if not numbers:
        return None
    match, names, _ = match_of(reading)
    v, of = names[0], draw.one(numbers)
    alias = draw.one(("computed", "adjusted", "scaled", "value", "newValue", "figure"))
    p = voice.prop(of)
    form = draw.one(("times", "plus", "minus", "both", "less"))
    if form in ("both", "less"):
        others = [n for n in numbers if n is not of]
        if not others:
            return None
        other = draw.one(others)
        sign = "+" if form == "both" else "-"
        code = f"{v}.{of.name} {sign} {v}.{other.name}"
        q = voice.prop(other)
        said = f"{p} plus {q}" if form == "both" else f"{p} minus {q}"
        if form == "both":
            said = voice.pick((said, f"the sum of {p} and {q}"))
    else:
        number = draw.one((2, 3, 5, 10, 12, 100) if form == "times" else (1, 5, 10, 50, 100))
        factor = draw.one((1.1, 1.25, 0.5, 0.8)) if form == "times" and draw.chance(0.5) else number
        sign = {"times": "*", "plus": "+", "minus": "-"}[form]
        code = f"{v}.{of.name} {sign} {factor}"
        said = f"{p} {form} {factor}"
        if form == "times":
            said = voice.pick((said, f"{p} multiplied by {factor}"))
    k = key(node)
    root = phrase(reading, voice, "each")
    query = f"{match} RETURN {v}.{k.name}, {code} AS {alias}"
    prompt = voice.pick(
        (
            f"For {root}, show the {voice.prop(k)} and {said} as {alias}.",
            f"Return the {voice.prop(k)} of {root} together with {said}, called {alias}.",
            f"{voice.prop(k)} and {said} (as {alias}) of {root}",
        )
    )
    plain = phrase(reading, Voice(None), "each")
    told = f"For {plain} it returns the {k.name} and {code.replace(f'{v}.', '')} as {alias}."
    return Plan(prompt, query, told)


def worded(draw: Draw, voice: Voice) -> Plan | None:
    """Texts: in capitals, their length, two joined into one."""
    reading = _subject(draw)
    node = reading.spots[0].node
    texts = [p for p in node.properties if p.type == "STRING"]
    if not texts:
        return None
    match, names, _ = match_of(reading)
    v, of, k = names[0], draw.one(texts), key(node)
    p = voice.prop(of)
    form = draw.one(("toUpper", "toLower", "size", "join", "join"))
    root = phrase(reading, voice, "each")
    if form == "join":
        others = [t for t in texts if t is not of]
        if not others:
            return None
        other = draw.one(others)
        between = draw.one((", ", " - ", " / ", ": ", " | ", " in "))
        alias = draw.one(("title", "line", "display", "caption", "fullText", "heading"))
        if any(t.name == alias for t in texts):
            return None
        query = f"{match} RETURN {v}.{of.name} + {literal(between)} + {v}.{other.name} AS {alias}"
        q = voice.prop(other)
        prompt = voice.pick(
            (
                f"For {root}, join {p} and {q} with {literal(between)} between them, as {alias}.",
                f"Return {p} + {literal(between)} + {q} as {alias} for {root}.",
                f"{p}, then {literal(between)}, then {q}, in one text called {alias}, of {root}",
            )
        )
        return Plan(prompt, query)
    said = {
        "toUpper": voice.pick((f"{p} in upper case", f"{p} in capital letters")),
        "toLower": voice.pick((f"{p} in lower case", f"{p} in small letters")),
        "size": voice.pick((f"length of the {p} in characters", f"number of characters in {p}")),
    }[form]
    first = "" if of is k and form != "size" else f"{v}.{k.name}, "
    with_key = f"the {voice.prop(k)} and the " if first else "the "
    query = f"{match} RETURN {first}{form}({v}.{of.name})"
    prompt = voice.pick(
        (
            f"Show {with_key}{said} of {root}.",
            f"For {root}, return {with_key}{said}.",
            f"{with_key.removeprefix('the ')}{said}, for {root}",
        )
    )
    return Plan(prompt, query)


def cased(draw: Draw, voice: Voice) -> Plan | None:
    """CASE, with conditions and with values."""
    reading = _subject(draw)
    node = reading.spots[0].node
    match, names, _ = match_of(reading)
    v, k = names[0], key(node)
    alias = draw.one(_WORDS)
    if any(p.name == alias for p in node.properties):
        return None
    root = phrase(reading, voice, "each")
    numbers, texts = numeric(node), groupable(node)
    texts = [p for p in texts if p.type == "STRING" and len(p.values) > 1]
    if numbers and (not texts or draw.chance(0.6)):
        of = draw.one(numbers)
        if len(of.values) < 3:
            return None
        low, high = sorted(draw.rng.sample(range(len(of.values)), 2))
        a, b = literal(of.values[high]), literal(of.values[low])
        x, y, z = draw.one(_BANDS)
        p = voice.prop(of)
        code = (
            f"CASE WHEN {v}.{of.name} > {a} THEN '{x}' WHEN {v}.{of.name} > {b} THEN '{y}' "
            f"ELSE '{z}' END"
        )
        said = voice.pick(
            (
                f"'{x}' if {p} is above {a}, '{y}' if it is above {b}, else '{z}'",
                f"'{x}' for {p} over {a}, '{y}' for {p} over {b} and '{z}' for the rest",
            )
        )
    elif texts:
        of = draw.one(texts)
        first, second = draw.rng.sample(list(of.values), 2)
        x, y, z = draw.rng.sample(("one", "two", "other", "yes", "no", "maybe", "keep", "skip"), 3)
        p = voice.prop(of)
        code = (
            f"CASE {v}.{of.name} WHEN {literal(first)} THEN '{x}' "
            f"WHEN {literal(second)} THEN '{y}' ELSE '{z}' END"
        )
        said = voice.pick(
            (
                f"'{x}' when {p} is {voice.value(first)}, '{y}' when it is {voice.value(second)} "
                f"and '{z}' otherwise",
                f"{p} translated ({voice.value(first)} to '{x}', {voice.value(second)} to '{y}', "
                f"anything else to '{z}')",
            )
        )
    else:
        return None
    query = f"{match} RETURN {v}.{k.name}, {code} AS {alias}"
    name = voice.prop(k)
    prompt = voice.pick(
        (
            f"For {root}, show the {name} and, as {alias}, {said}.",
            f"Return the {name} of {root} and a column {alias}: {said}.",
            f"{name} of {root}, with {alias} being {said}",
        )
    )
    return Plan(prompt, query)


def unwound(draw: Draw, voice: Voice) -> Plan:
    """Lists that stand in the query: unwound, aggregated, filtered, changed, tested."""
    numbers = [draw.rng.randrange(1, 100) for _ in range(draw.one((3, 4, 5, 6)))]
    shown = f"[{', '.join(map(str, numbers))}]"
    form = draw.one(("sum", "group", "filter", "change", "test", "named"))
    limit = draw.rng.randrange(2, 60)
    if form in ("sum", "named"):
        function, word = draw.one(
            (("sum", "sum"), ("avg", "average"), ("max", "largest"), ("min", "smallest"))
        )
        alias = draw.one(ALIASES)
        if form == "named":
            name = draw.one(_NUMBERS)
            query = f"WITH {shown} AS {name} UNWIND {name} AS x RETURN {function}(x) AS {alias}"
            prompt = voice.pick(
                (
                    f"Name the list {shown} {name}, unwind it as x and return the {word} of x as "
                    f"{alias}.",
                    f"With {shown} as {name}: unwind {name} into x, then return {function}(x) as "
                    f"{alias}.",
                )
            )
        else:
            query = f"UNWIND {shown} AS x RETURN {function}(x) AS {alias}"
            prompt = voice.pick(
                (
                    f"Unwind the list {shown} as x and return the {word} of x as {alias}.",
                    f"What is the {word} of the numbers {shown}? Unwind them as x, call it "
                    f"{alias}.",
                    f"{word} of {shown} by UNWIND as x, column {alias}",
                )
            )
        return Plan(prompt, query)
    if form == "group":
        node = draw.one(draw.schema.nodes)
        values = key(node).values
        words = [literal(draw.one(values[:6])) for _ in range(draw.one((3, 4, 5)))]
        alias = draw.one(ALIASES)
        query = f"UNWIND [{', '.join(words)}] AS item RETURN item, count(item) AS {alias}"
        prompt = voice.pick(
            (
                f"Unwind [{', '.join(words)}] as item and count how often each occurs, as {alias}.",
                f"For each different value in [{', '.join(words)}] (unwound as item), return item "
                f"and its count as {alias}.",
            )
        )
        return Plan(prompt, query)
    alias = draw.one(("kept", "values", "found", "answer", "chosen"))
    if form == "filter":
        sign, word = draw.one(((">", "above"), ("<", "below"), (">=", "of at least")))
        query = f"RETURN [x IN {shown} WHERE x {sign} {limit}] AS {alias}"
        prompt = voice.pick(
            (
                f"From the list {shown}, keep the numbers {word} {limit} with a list comprehension "
                f"over x; call it {alias}.",
                f"Return as {alias} the elements x of {shown} that are {word} {limit}.",
            )
        )
    elif form == "change":
        sign, word = draw.one((("*", "times"), ("+", "plus"), ("-", "minus")))
        query = f"RETURN [x IN {shown} | x {sign} {limit}] AS {alias}"
        prompt = voice.pick(
            (
                f"Return as {alias} the list of x {word} {limit} for each x in {shown}.",
                f"Turn each x of {shown} into x {word} {limit} and return the list as {alias}.",
            )
        )
    else:
        function = draw.one(("any", "all"))
        query = f"RETURN {function}(x IN {shown} WHERE x > {limit}) AS {alias}"
        each = "any number x" if function == "any" else "every number x"
        prompt = voice.pick(
            (
                f"Is {each} in {shown} above {limit}? Return it as {alias}.",
                f"Return as {alias} whether {each} of {shown} is greater than {limit}.",
            )
        )
    return Plan(prompt, query)


def listed_values(draw: Draw, voice: Voice) -> Plan | None:
    """Nodes whose text holds any, or all, of several pieces."""
    node = draw.one(draw.schema.nodes)
    texts = [p for p in node.properties if p.type == "STRING" and len(p.values) > 2]
    if not texts:
        return None
    of = draw.one(texts)
    pieces = sorted({str(value)[:3].strip() for value in draw.rng.sample(list(of.values), 2)})
    if len(pieces) < 2:
        return None
    function = draw.one(("any", "any", "all"))
    v, k = node.label[0].lower(), key(node)
    shown = ", ".join(literal(piece) for piece in pieces)
    query = (
        f"MATCH ({v}:{node.label}) WHERE {function}(x IN [{shown}] WHERE {v}.{of.name} CONTAINS x) "
        f"RETURN {v}.{k.name}"
    )
    which = "any" if function == "any" else "all"
    many, p, name = voice.many(node), voice.prop(of), voice.prop(k)
    prompt = voice.pick(
        (
            f"Show the {name} of {many} whose {p} contains {which} of the texts {shown}.",
            f"For which {many} does the {p} contain {which} of [{shown}]? Return the {name}.",
            f"{name} of {many} with {which} of [{shown}] in the {p}",
        )
    )
    return Plan(prompt, query, rows=function == "any")


def nested(draw: Draw, voice: Voice) -> Plan:
    """A subquery that stands by itself: `CALL { … } RETURN …`."""
    reading = _subject(draw)
    node = reading.spots[0].node
    match, names, _ = match_of(reading)
    many = phrase(reading, voice, "many")
    numbers = numeric(node)
    alias = draw.one(ALIASES)
    lead = voice.pick(("In a CALL subquery,", "With a subquery in CALL { },", "Inside CALL { },"))
    if numbers and draw.chance(0.5):
        of = draw.one(numbers)
        function, word = draw.one((("avg", "average"), ("max", "highest"), ("min", "lowest")))
        query = (
            f"CALL {{ {match} RETURN {function}({names[0]}.{of.name}) AS {alias} }} RETURN {alias}"
        )
        what = f"compute the {word} {voice.prop(of)} of {many} as {alias}"
    else:
        query = f"CALL {{ {match} RETURN count({names[0]}) AS {alias} }} RETURN {alias}"
        what = f"count {many} as {alias}"
    end = voice.pick((f"then return {alias}.", f"return {alias} outside of it."))
    return Plan(f"{lead} {what}; {end}", query)
