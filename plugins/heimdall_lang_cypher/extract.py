"""The query inside a model's answer: code fences, prose before and after it."""

from __future__ import annotations

import re
from bisect import bisect

#: Words that a statement begins with.
_STARTS = (
    "ALTER|BEGIN|CALL|COMMIT|CREATE|CYPHER|DELETE|DENY|DETACH|DROP|EXPLAIN|FILTER|FINISH|FOREACH|"
    "GRANT|INSERT|LET|LOAD|MATCH|MERGE|NODETACH|OPTIONAL|PROFILE|REMOVE|RENAME|RETURN|REVOKE|"
    "ROLLBACK|SET|SHOW|START|STOP|TERMINATE|UNWIND|USE|WHEN|WITH"
)
#: Words that a later line of a query may begin with.
_GOES_ON = re.compile(
    rf"(?:{_STARTS}|AND|AS|ASC|ASCENDING|BY|CASE|DESC|DESCENDING|ELSE|END|FOR|IN|IS|LIMIT|NEXT|NOT|"
    r"OFFSET|ON|OR|ORDER|SKIP|THEN|UNION|WHERE|XOR|YIELD)\b",
    re.IGNORECASE,
)

_THOUGHTS = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"(?:```|~~~)[ \t]*([\w+.-]*)[ \t]*\n?(.*?)(?:```|~~~|\Z)", re.DOTALL)
_OUR_FENCES = frozenset({"cypher", "opencypher", "cql", "neo4j", "gql"})
_OTHER_FENCES = frozenset({"", "sql", "text", "txt", "plaintext", "code", "query", "graphql"})

#: `Cypher:`, `**Query**:` and the like at the very start.
_TITLE = re.compile(
    r"\s*[*#_`]*(?:the\s+|final\s+)?(?:cypher|query|answer|output|result|a)"
    r"(?:\s+(?:query|statement|answer))?[*_`]*\s*(?::[*_`]*|\n)\s*",
    re.IGNORECASE,
)
#: A statement at the start of a line, in capitals, as people and models write keywords.
_CAPITALS = re.compile(rf"^[ \t]*(?:{_STARTS})(?=[\s({{]|$)", re.MULTILINE)
#: A statement in the middle of a line: only with a pattern or a brace behind its keyword, in
#: whatever case, or in capitals after a colon.
_INSIDE = re.compile(
    r"\b(?:optional\s+)?(?:match|create|merge|insert)\s+"
    r"(?:\w+\s*=\s*)?(?:(?:all\s+|any\s+)?shortest\w*\s*)?\([^()]*[):{(]"
    r"|\bunwind\s+[\[$\w].*?\bas\s+\w+|\bcall\s+(?:[\w.]+\s*\(|\{)"
    rf"|(?<=: )(?-i:{_STARTS})\s",
    re.IGNORECASE | re.DOTALL,
)
_INLINE_CODE = re.compile(rf"`((?:{_STARTS})[\s(][^`\n]*)`")

#: A line of English: a capitalised or listed word, then more words in small letters.
_PROSE = re.compile(
    r"\s*(?:[-*•>]\s+|\d+[.)]\s+|#+\s+)?[*_]*[A-Z][a-z']*\b[*_]*[,:]?(?:\s+[\w`'*(\"][\w`'*().,\"-]*){2,}"
    r"|\s*[*_#]*\s*(?i:explanation|notes?|output|results?|this query|the query|where)[*_]*\s*:"
)
_QUOTED = re.compile(
    r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|`[^`]*`|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL
)
#: The first word after a semicolon, comments aside.
_AFTER_SEMICOLON = re.compile(r";\s*(?!//|/\*)([^\s;]+)")


def extract(answer: str) -> str:
    """The first query in a model's answer, without surrounding white space; `''` if there is none.

    A fenced block marked as Cypher is preferred, then the first other block that looks like a
    query, then the text from the first statement up to the prose after it. A query with mistakes
    is kept with them: nothing is cut off or mended for the sake of validity.

    >>> extract("Here is the query:\\n```cypher\\nMATCH (n) RETURN n\\n```\\nIt returns all nodes.")
    'MATCH (n) RETURN n'
    """
    text = _THOUGHTS.sub("", answer).strip()
    fenced = _fenced(text)
    if fenced is not None:
        return fenced
    title = _TITLE.match(text)
    body = text[title.end() :] if title else text
    start = _start(body)
    inline = _INLINE_CODE.search(body)
    if inline and (start is None or start >= inline.start()):
        return inline.group(1).strip()
    if start is None:
        return ""
    return _without_prose(body[start:])


def _fenced(text: str) -> str | None:
    """The content of the best fenced block, None where no block holds a query."""
    blocks = [(match.group(1).lower(), match.group(2).strip()) for match in _FENCE.finditer(text)]
    for language, content in blocks:
        if language in _OUR_FENCES and content:
            return content
    for language, content in blocks:
        if language in _OTHER_FENCES and content and _start(content) is not None:
            return content
    return None


def _start(text: str) -> int | None:
    """Where the first statement begins; 0 also for a text that is all query but for a slip."""
    capitals, inside = _CAPITALS.search(text), _INSIDE.search(text)
    found = [match.start() for match in (capitals, inside) if match]
    if re.match(rf"\s*(?://|/\*|:\w|(?:{_STARTS})\b)", text, re.IGNORECASE) and (
        found or not (_PROSE.match(text) or _sentence(text))
    ):
        return 0
    # `MACTH (n) RETURN n` has no statement that we know, and is still meant as one.
    if re.match(r"\s*\w+\s*\([^()]*\)[^.]*\bRETURN\b", text):
        return 0
    return min(found, default=None)


def _sentence(text: str) -> bool:
    """Whether a text that begins with a keyword in small letters is English all the same."""
    first = text.split("\n", 1)[0]
    words = re.findall(r"[A-Za-z']+", first)
    return len(words) > 3 and not re.search(r"[=()\[\]{}$*:]", first)


def _without_prose(text: str) -> str:
    """`text` up to the first line of prose, or up to what follows a semicolon and is no query."""
    quoted = [match.span() for match in _QUOTED.finditer(text)]

    def outside(offset: int) -> bool:
        before = bisect(quoted, (offset,)) - 1
        return before < 0 or quoted[before][1] <= offset

    offset = 0
    for line in text.splitlines(keepends=True):
        prose = _PROSE.match(line) and not _GOES_ON.match(line.lstrip())
        if offset and prose and outside(offset):
            text = text[:offset]
            break
        offset += len(line)
    for match in _AFTER_SEMICOLON.finditer(text):
        if outside(match.start()) and not _GOES_ON.match(match.group(1)):
            text = text[: match.start()]
            break
    return text.strip().removesuffix("```").rstrip()
