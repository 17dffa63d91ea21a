"""Static types of Cypher values, as integers.

A type is a set of the kinds that a value may have, one bit each, so that "can this be a node?" is
`type & NODE`. A list keeps the type of its elements in the bits above `SHIFT`, and so on inwards:
`list_of(INTEGER)` is `LIST | INTEGER << SHIFT`. Every Cypher value may be null, so no type says
it: the bit `NULL` stands for the literal alone (and is part of `ANY`).

Integers instead of classes because types are joined and tested for every expression of every
query: a test costs 30 ns.
"""

from __future__ import annotations

BOOLEAN = 1 << 0
INTEGER = 1 << 1
FLOAT = 1 << 2
STRING = 1 << 3
LIST = 1 << 4
MAP = 1 << 5
NODE = 1 << 6
RELATIONSHIP = 1 << 7
PATH = 1 << 8
DATE = 1 << 9
LOCAL_TIME = 1 << 10
ZONED_TIME = 1 << 11
LOCAL_DATETIME = 1 << 12
ZONED_DATETIME = 1 << 13
DURATION = 1 << 14
POINT = 1 << 15
VECTOR = 1 << 16
NULL = 1 << 17
#: A list whose elements may be anything.
OPEN_LIST = 1 << 18

SHIFT = 20
#: The bits of a type itself, without those of its elements.
KINDS = (1 << SHIFT) - 1

NUMBER = INTEGER | FLOAT
INSTANT = DATE | LOCAL_TIME | ZONED_TIME | LOCAL_DATETIME | ZONED_DATETIME
TEMPORAL = INSTANT | DURATION
SCALAR = BOOLEAN | NUMBER | STRING | TEMPORAL | POINT | VECTOR
ANY_LIST = LIST | OPEN_LIST
ANY = SCALAR | ANY_LIST | MAP | NODE | RELATIONSHIP | PATH | NULL
#: What a property of a node or relationship may hold: no map, no entity.
PROPERTY = SCALAR | LIST | SCALAR << SHIFT
ENTITY = NODE | RELATIONSHIP

_NAMES: tuple[tuple[int, str], ...] = (
    (BOOLEAN, "Boolean"),
    (INTEGER, "Integer"),
    (FLOAT, "Float"),
    (STRING, "String"),
    (MAP, "Map"),
    (NODE, "Node"),
    (RELATIONSHIP, "Relationship"),
    (PATH, "Path"),
    (DATE, "Date"),
    (LOCAL_TIME, "LocalTime"),
    (ZONED_TIME, "Time"),
    (LOCAL_DATETIME, "LocalDateTime"),
    (ZONED_DATETIME, "DateTime"),
    (DURATION, "Duration"),
    (POINT, "Point"),
    (VECTOR, "Vector"),
)

#: Type names of Cypher's own signatures and of `IS ::`, and those that schemas in the wild use.
_BY_NAME: dict[str, int] = {
    "ANY": ANY,
    "ARRAY": ANY_LIST,
    "BOOL": BOOLEAN,
    "BOOLEAN": BOOLEAN,
    "BYTEARRAY": ANY_LIST,
    "DATE": DATE,
    "DATETIME": ZONED_DATETIME,
    "DOUBLE": FLOAT,
    "DURATION": DURATION,
    "EDGE": RELATIONSHIP,
    "FLOAT": FLOAT,
    "INT": INTEGER,
    "INTEGER": INTEGER,
    "LIST": ANY_LIST,
    "LOCAL DATETIME": LOCAL_DATETIME,
    "LOCAL TIME": LOCAL_TIME,
    "LONG": INTEGER,
    "MAP": MAP,
    "NODE": NODE,
    "NOTHING": 0,
    "NULL": NULL,
    "NUMBER": NUMBER,
    "PATH": PATH,
    "POINT": POINT,
    "PROPERTY VALUE": PROPERTY,
    "RELATIONSHIP": RELATIONSHIP,
    "SIGNED INTEGER": INTEGER,
    "STRING": STRING,
    "STRINGARRAY": LIST | STRING << SHIFT,
    "TEMPORAL": TEMPORAL,
    "TIME": ZONED_TIME,
    "TIME WITH TIME ZONE": ZONED_TIME,
    "TIME WITHOUT TIME ZONE": LOCAL_TIME,
    "TIMESTAMP": ZONED_DATETIME,
    "TIMESTAMP WITH TIME ZONE": ZONED_DATETIME,
    "TIMESTAMP WITHOUT TIME ZONE": LOCAL_DATETIME,
    "VARCHAR": STRING,
    "VECTOR": VECTOR,
    "VERTEX": NODE,
    "ZONED DATETIME": ZONED_DATETIME,
    "ZONED TIME": ZONED_TIME,
}


def list_of(element: int) -> int:
    """The type of a list whose elements have the type `element`."""
    return ANY_LIST if element & ANY == ANY else LIST | element << SHIFT


def element_of(type_: int) -> int:
    """The type of what a list of type `type_` holds; `ANY` where it is not known."""
    if type_ & OPEN_LIST or not type_ & LIST:
        return ANY
    # An empty list literal holds nothing yet; anything may be asked of its elements.
    return type_ >> SHIFT or ANY


def join(left: int, right: int) -> int:
    """The type of a value that is one of two: the same kind, a number, or anything.

    Like Neo4j's type checker, two unrelated kinds make `ANY` rather than a union: the elements of
    `[1, 'a']` are tested at run time.
    """
    if left == right or right == NULL:
        return left
    if left == NULL:
        return right
    kinds = (left | right) & KINDS
    if kinds in (LIST, LIST | NULL):
        return list_of(join(left >> SHIFT, right >> SHIFT)) if left >> SHIFT else right
    if kinds & ~(NUMBER | NULL) and left & KINDS != right & KINDS:
        return ANY
    return left | right


def describe(type_: int) -> str:
    """What a message calls the type: `Integer or Float`, `List<Node>`, `Any`.

    >>> describe(list_of(INTEGER))
    'List<Integer>'
    """
    if type_ & ANY == ANY:
        return "Any"
    if type_ == PROPERTY:
        return "a property value"
    names = [name for bit, name in _NAMES if type_ & bit]
    if type_ & OPEN_LIST:
        names.append("List")
    elif type_ & LIST:
        names.append(f"List<{describe(element_of(type_))}>")
    if not names:
        return "Null"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def split_top_level(text: str, separator: str = ",") -> list[str]:
    """The parts of `text` between separators that stand in no bracket."""
    parts, depth, start = [], 0, 0
    for index, character in enumerate(text):
        if character in "(<[{":
            depth += 1
        elif character in ")>]}":
            depth -= 1
        elif character == separator and depth == 0:
            parts.append(text[start:index].strip())
            start = index + 1
    last = text[start:].strip()
    return [*parts, last] if last or parts else []


def parse_type(text: str) -> int:
    """The type that a signature or a schema names; `ANY` for a name that is not known.

    Understands `LIST<STRING NOT NULL>`, `LIST OF INTEGER?`, `INTEGER | FLOAT`, and `DATE_TIME`.
    """
    text = text.strip()
    parts = split_top_level(text, "|")
    if len(parts) > 1:
        union = 0
        for part in parts:
            union |= parse_type(part)
        return union
    name = text.replace("?", "").replace("_", " ").upper().removesuffix(" NOT NULL").strip()
    for opening, closing in (("LIST<", ">"), ("LIST OF ", ""), ("ARRAY<", ">"), ("LIST ", "")):
        if name.startswith(opening) and name.endswith(closing):
            return list_of(parse_type(name[len(opening) : len(name) - len(closing)]))
    if name.startswith("VECTOR<"):
        return VECTOR
    if name.endswith("[]"):
        return list_of(parse_type(name[:-2]))
    return _BY_NAME.get(name.replace("DATE TIME", "DATETIME"), ANY)
