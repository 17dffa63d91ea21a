"""Functions of apoc.* that Cypher evaluates in NornicDB, on literals and on properties.

Only those whose documented example was seen to give its documented result, and a few that differ in
nothing but chance (uuid, random, the clock), are taught as working.
"""

from __future__ import annotations

import random

from heimdall_repo_nornicdb.rows.domains import literal, phrase, pools
from heimdall_repo_nornicdb.rows.families import Draft, Family
from heimdall_repo_nornicdb.rows.names import domain, either

CATEGORY = "apoc_functions"

#: Name, and how a question puts it; `{0}` and `{1}` are the arguments.
_ONE_LIST = (
    ("coll.sum", "the sum of {0}"),
    ("coll.avg", "the average of {0}"),
    ("coll.max", "the largest element of {0}"),
    ("coll.min", "the smallest element of {0}"),
    ("coll.sort", "{0} in ascending order"),
    ("coll.reverse", "{0} in reverse order"),
    ("coll.toSet", "{0} without duplicates"),
    ("coll.frequencies", "how often each element of {0} occurs"),
    ("agg.first", "the first element of {0}"),
    ("agg.last", "the last element of {0}"),
    ("agg.median", "the median of {0}"),
    ("agg.mode", "the most frequent element of {0}"),
    ("agg.product", "the product of {0}"),
    ("agg.stdev", "the standard deviation of {0}"),
)
_TWO_LISTS = (
    ("coll.union", "the union of {0} and {1}, without duplicates"),
    ("coll.unionAll", "{0} and {1} as one list, duplicates kept"),
    ("coll.intersection", "the elements that {0} and {1} share"),
    ("coll.subtract", "the elements of {0} that are not in {1}"),
    ("coll.disjunction", "the elements that are in only one of {0} and {1}"),
    ("coll.containsAll", "whether {0} contains every element of {1}"),
    ("coll.containsAny", "whether {0} contains any element of {1}"),
    ("coll.zip", "the pairs of {0} and {1}, position by position"),
)
_LIST_AND_VALUE = (
    ("coll.contains", "whether {0} contains {1}"),
    ("coll.indexOf", "the position of {1} in {0}"),
    ("coll.occurrences", "how often {1} occurs in {0}"),
)
_NUMBER = (
    ("math.abs", "the absolute value of {0}"),
    ("math.ceil", "{0} rounded up"),
    ("math.floor", "{0} rounded down"),
    ("math.sqrt", "the square root of {0}"),
    ("math.log10", "the logarithm of {0} to the base 10"),
    ("math.sigmoid", "the sigmoid of {0}"),
    ("math.sin", "the sine of {0} radians"),
    ("math.cos", "the cosine of {0} radians"),
    ("math.tan", "the tangent of {0} radians"),
    ("math.tanh", "the hyperbolic tangent of {0}"),
    ("math.sinh", "the hyperbolic sine of {0}"),
    ("math.cosh", "the hyperbolic cosine of {0}"),
    ("math.atan", "the arctangent of {0}"),
)
_TEXT = (
    ("text.capitalize", "{0} with a capital first letter"),
    ("text.decapitalize", "{0} with a small first letter"),
    ("text.clean", "{0} stripped of all but letters and digits, in small letters"),
    ("text.trim", "{0} without spaces at its ends"),
    ("text.ltrim", "{0} without spaces at its beginning"),
    ("text.rtrim", "{0} without spaces at its end"),
    ("text.reverse", "{0} spelt backwards"),
    ("text.slug", "{0} as a slug for URLs"),
    ("text.phonetic", "the phonetic code of {0}"),
    ("label.normalize", "{0} normalised to a label name"),
    ("xml.unescape", "{0} with its XML entities resolved"),
)


def _numbers(rng: random.Random, low: int = 2, high: int = 6) -> list[int]:
    return [rng.randrange(1, 100) for _ in range(rng.randrange(low, high + 1))]


def _elements(rng: random.Random, *, repeat: bool = False, numbers: bool | None = None) -> str:
    """A list literal of numbers or of words."""
    if rng.random() < 0.6 if numbers is None else numbers:
        values: list[str] = [str(n) for n in _numbers(rng, 3)]
    else:
        nouns = pools()["noun"]
        values = [literal(rng.choice(nouns).lower()) for _ in range(rng.randrange(3, 6))]
    if repeat:
        values.append(rng.choice(values))
    return f"[{', '.join(values)}]"


def _asked(rng: random.Random, what: str, name: str) -> str:
    return either(
        rng,
        f"With APOC, compute {what}.",
        f"Use an apoc function for {what}.",
        f"{what}, by APOC",
        f"Which query gives {what} through apoc?",
        f"Return {what} with apoc.{name}.",
        f"apoc.{name}: {what}",
    )


def _return(rng: random.Random, what: str, name: str, arguments: str) -> Draft:
    return Draft(_asked(rng, what, name), f"RETURN apoc.{name}({arguments}) AS result")


def _one_list(rng: random.Random) -> Draft:
    name, words = rng.choice(_ONE_LIST)
    numeric = name.startswith("agg.") or name in ("coll.sum", "coll.avg", "coll.max", "coll.min")
    repeated = name in ("coll.toSet", "coll.frequencies", "agg.mode")
    values = (
        f"[{', '.join(map(str, _numbers(rng, 3)))}]"
        if numeric and not repeated
        else _elements(rng, repeat=repeated)
    )
    return _return(rng, words.format(values), name, values)


def _two_lists(rng: random.Random) -> Draft:
    name, words = rng.choice(_TWO_LISTS)
    numbers = rng.random() < 0.6
    first, second = _elements(rng, numbers=numbers), _elements(rng, numbers=numbers)
    if name == "coll.zip":
        size = rng.randrange(2, 5)
        first = f"[{', '.join(str(rng.randrange(1, 100)) for _ in range(size))}]"
        second = f"[{', '.join(literal(rng.choice(pools()['noun']).lower()) for _ in range(size))}]"
    return _return(rng, words.format(first, second), name, f"{first}, {second}")


def _list_and_value(rng: random.Random) -> Draft:
    name, words = rng.choice(_LIST_AND_VALUE)
    values = _numbers(rng, 3)
    sought = rng.choice((rng.choice(values), rng.randrange(1, 100)))
    listed = f"[{', '.join(map(str, values))}]"
    return _return(rng, words.format(listed, sought), name, f"{listed}, {sought}")


def _number(rng: random.Random) -> Draft:
    name, words = rng.choice(_NUMBER)
    of = rng.choice((rng.randrange(1, 500), rng.randrange(1, 4000) / 8))
    text = (
        f"-{of}"
        if name in ("math.abs", "math.ceil", "math.floor") and rng.random() < 0.5
        else f"{of}"
    )
    return _return(rng, words.format(text), name, text)


def _text(rng: random.Random) -> Draft:
    name, words = rng.choice(_TEXT)
    text = phrase(rng)
    if name.endswith("trim"):
        text = f"{' ' * rng.randrange(1, 4)}{text}{' ' * rng.randrange(1, 4)}"
    elif name == "text.decapitalize":
        text = text.capitalize()
    elif name == "xml.unescape":
        text = f"{text} {rng.choice(('&lt;', '&gt;', '&amp;', '&quot;'))} {rng.randrange(2, 100)}"
    elif rng.random() < 0.4:
        text = text.title()
    written = literal(text)
    return _return(rng, words.format(written), name, written)


def _two_texts(rng: random.Random) -> Draft:
    kind = rng.randrange(3)
    if kind == 0:
        one, other = literal(phrase(rng)), literal(phrase(rng))
        return _return(
            rng, f"the edit distance of {one} and {other}", "text.distance", f"{one}, {other}"
        )
    if kind == 1:
        text, old = phrase(rng), rng.choice("aeionrst")
        new = rng.choice(("-", "_", "*", "x", "#"))
        arguments = ", ".join(map(literal, (text, old, new)))
        what = f"{literal(text)} with every {literal(old)} replaced by {literal(new)}"
        return _return(rng, what, "text.replace", arguments)
    nouns = [literal(rng.choice(pools()["noun"]).lower()) for _ in range(rng.randrange(2, 5))]
    by = literal(rng.choice((", ", " - ", "/", "; ", " | ", "_")))
    listed = f"[{', '.join(nouns)}]"
    return _return(rng, f"{listed} joined by {by}", "text.join", f"{listed}, {by}")


def _map(rng: random.Random) -> Draft:
    kind = rng.randrange(4)
    keys = rng.sample(("name", "size", "kind", "rank", "code", "unit", "tone", "site"), 3)
    numbers = [rng.randrange(1, 100) for _ in keys]
    one = "{" + f"{keys[0]}: {numbers[0]}, {keys[1]}: {numbers[1]}" + "}"
    if kind == 0:
        other = "{" + f"{keys[1]}: {numbers[2]}, {keys[2]}: {numbers[0]}" + "}"
        return _return(rng, f"the map {one} overlaid with {other}", "map.merge", f"{one}, {other}")
    if kind == 1:
        what = f"the map {one} with {keys[2]} set to {numbers[2]}"
        return _return(rng, what, "map.setKey", f"{one}, '{keys[2]}', {numbers[2]}")
    if kind == 2:
        names = "[" + ", ".join(f"'{k}'" for k in keys) + "]"
        values = "[" + ", ".join(map(str, numbers)) + "]"
        what = f"a map with the keys {names} and the values {values}"
        return _return(rng, what, "map.fromLists", f"{names}, {values}")
    pairs = "[" + ", ".join(f"['{k}', {n}]" for k, n in zip(keys, numbers, strict=True)) + "]"
    return _return(rng, f"a map of the pairs {pairs}", "map.fromPairs", pairs)


def _property(rng: random.Random) -> Draft | None:
    of = domain(rng)
    label = rng.choice(of.labels)
    v = label.variable
    texts = label.texts
    if rng.random() < 0.65 and texts:
        name, words = rng.choice(
            [t for t in _TEXT if t[0] not in ("xml.unescape", "label.normalize")]
        )
        prop = rng.choice(texts).name
    elif label.numbers:
        name, words = rng.choice(_NUMBER[:5])
        prop = rng.choice(label.numbers).name
    else:
        return None
    what = words.format(f"the {prop}")
    asked = either(
        rng,
        f"Show, for every {label.name}, {what} through APOC.",
        f"For each {label.name} return {what} with apoc.{name}.",
        f"apoc.{name} over {label.name} nodes: {what}",
    )
    return Draft(
        asked, f"MATCH ({v}:{label.name}) RETURN apoc.{name}({v}.{prop}) AS result", of.name
    )


_CHANCE = (
    ("create.uuid", "a new UUID"),
    ("util.uuid", "a new UUID"),
    ("util.now", "the current time in milliseconds"),
    ("util.timestamp", "the current timestamp"),
    ("math.random", "a random number"),
)


def _chance(rng: random.Random) -> Draft:
    name, words = rng.choice(_CHANCE)
    alias = rng.choice(("id", "result", "value", "x", "generated", "made"))
    asked = either(
        rng,
        f"Return {words} with apoc.{name}, as {alias}.",
        f"apoc.{name}: {words}, named {alias}",
        f"Call apoc.{name} for {words} and name the column {alias}.",
    )
    return Draft(asked, f"RETURN apoc.{name}() AS {alias}")


FAMILIES = (
    Family("apoc_list", CATEGORY, _one_list, 1.6),
    Family("apoc_two_lists", CATEGORY, _two_lists, 1.4),
    Family("apoc_list_value", CATEGORY, _list_and_value, 0.8),
    Family("apoc_number", CATEGORY, _number, 1.2),
    Family("apoc_text", CATEGORY, _text, 1.4),
    Family("apoc_two_texts", CATEGORY, _two_texts, 1.1),
    Family("apoc_map", CATEGORY, _map, 0.9),
    Family("apoc_property", CATEGORY, _property, 1.6),
    Family("apoc_chance", CATEGORY, _chance, 0.1),
)
