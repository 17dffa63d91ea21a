"""500 texts that hold personal data or a secret, and clean ones that look a little like it."""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Callable

FRAMES = (
    "Find the customer who wrote from {}",
    "MATCH (u:User) WHERE u.contact = '{}' RETURN u",
    "Who can be reached under {}?",
    "CREATE (n:Note {{text: 'see {} for more'}})",
    "{}",
)


def _digits(draw: random.Random, n: int) -> str:
    return "".join(draw.choices(string.digits, k=n))


def _word(draw: random.Random, n: int, letters: str = string.ascii_letters + string.digits) -> str:
    return "".join(draw.choices(letters, k=n))


def _email(draw: random.Random) -> str:
    first = draw.choice(("anna", "li.wei", "j_doe", "o'hara", "maria+news", "x99", "Karl.Marx"))
    host = draw.choice(("example.com", "mail.example.org", "uni-bonn.de", "firma.co.uk", "a-b.io"))
    return f"{first}{draw.randint(1, 999)}@{host}"


def _phone(draw: random.Random) -> str:
    area, mid, last = draw.randint(201, 989), draw.randint(200, 999), _digits(draw, 4)
    return draw.choice(
        (
            f"+1 {area}-{mid}-{last}",
            f"({area}) {mid}-{last}",
            f"{area}-{mid}-{last}",
            f"{area}.{mid}.{last}",
            f"+49 30 {draw.randint(100000, 9999999)}",
            f"+44 20 7946 {last}",
            f"020 7946 {last}",
            f"+33 6 12 {_digits(draw, 2)} {_digits(draw, 2)} {_digits(draw, 2)}",
            f"0{draw.randint(151, 179)} {_digits(draw, 7)}",
            f"+49{draw.randint(151, 179)}{_digits(draw, 8)}",
            f"0049 221 {_digits(draw, 7)}",
            f"+91 98{_digits(draw, 3)} {_digits(draw, 5)}",
        )
    )


def _iban(draw: random.Random) -> str:
    country, shape = draw.choice((("DE", "d" * 18), ("GB", "a" * 4 + "d" * 14), ("FR", "d" * 23)))
    body = "".join(_digits(draw, 1) if c == "d" else draw.choice("ABCDEFGH") for c in shape)
    number = "".join(str(int(c, 36)) for c in body + country + "00")
    iban = f"{country}{98 - int(number) % 97:02}{body}"
    spaced = " ".join(iban[i : i + 4] for i in range(0, len(iban), 4))
    return draw.choice((iban, spaced))


def _card(draw: random.Random) -> str:
    prefix, length = draw.choice((("4", 16), ("51", 16), ("55", 16), ("37", 15), ("6011", 16)))
    body = prefix + _digits(draw, length - len(prefix) - 1)
    total = 0
    for place, c in enumerate(reversed(body)):
        digit = int(c) * (2 if place % 2 == 0 else 1)
        total += digit - 9 if digit > 9 else digit
    card = body + str(-total % 10)
    grouped = " ".join(card[i : i + 4] for i in range(0, length, 4))
    return draw.choice((card, grouped, grouped.replace(" ", "-")))


def _ip(draw: random.Random) -> str:
    if draw.random() < 0.25:
        return ":".join(f"{draw.randint(0x1000, 0xFFFF):x}" for _ in range(8))
    return ".".join(str(draw.randint(1, 254)) for _ in range(4))


def _key(draw: random.Random) -> str:
    kind = draw.choice(("RSA ", "", "OPENSSH ", "EC "))
    return f"-----BEGIN {kind}PRIVATE KEY----- {_word(draw, 40)}"


def _jwt(draw: random.Random) -> str:
    parts = [
        base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        for text in ('{"alg":"HS256"}', f'{{"sub":"{draw.randint(1, 10**9)}"}}')
    ]
    return ".".join([*parts, _word(draw, 43)])


def _token(draw: random.Random) -> str:
    upper, lower = string.ascii_uppercase + string.digits, string.ascii_lowercase + string.digits
    return draw.choice(
        (
            "AKIA" + _word(draw, 16, upper),
            "ghp_" + _word(draw, 36),
            "glpat-" + _word(draw, 20),
            f"xoxb-{_digits(draw, 12)}-{_digits(draw, 12)}-{_word(draw, 24)}",
            "sk_live_" + _word(draw, 24),
            "sk-" + _word(draw, 20) + "T3BlbkFJ" + _word(draw, 20),
            "hf_" + _word(draw, 34),
            "AIza" + _word(draw, 35),
            f"SG.{_word(draw, 22)}.{_word(draw, 43)}",
            "npm_" + _word(draw, 36),
            "AC" + _word(draw, 32, "0123456789abcdef"),
            f"{_digits(draw, 9)}:AA{_word(draw, 33)}",
            "Bearer " + _word(draw, 40),
            "api_key=" + _word(draw, 32, lower),
            "aws_secret_access_key = "
            + _word(draw, 40, string.ascii_letters + string.digits + "+/"),
            _jwt(draw),
        )
    )


def _password(draw: random.Random) -> str:
    word = draw.choice(("Sunny", "hunter", "Tr0ub4dor", "correctHorse")) + _digits(draw, 3)
    mark = draw.choice("!#_%")
    return draw.choice(
        (
            f"password: {word}{mark}x",
            f"pwd={word}{mark}9",
            f"postgres://admin:{word}{mark}@db.example.com:5432/app",
            f'"password": "{word}{mark}"',
            f"the password is {word}{mark}1",
        )
    )


MAKERS: dict[str, Callable[[random.Random], str]] = {
    "e-mail": _email,
    "phone": _phone,
    "iban": _iban,
    "card": _card,
    "ip": _ip,
    "key": _key,
    "token": _token,
    "password": _password,
}


def personal_texts(count: int = 500, seed: int = 1) -> list[tuple[str, str]]:
    """(kind, text): each kind as often as the others, but for tokens, of which there are more."""
    draw = random.Random(seed)
    kinds = [*MAKERS, "token", "phone"]
    return [
        (kind, draw.choice(FRAMES).format(MAKERS[kind](draw)))
        for kind in (kinds[i % len(kinds)] for i in range(count))
    ]


CLEAN = (
    "How many orders were placed between 2024-01-15 and 2024-03-31?",
    "MATCH (o:Order {{id: 'ORD-2024-{n:05}'}}) RETURN o.total",
    "Find the product with id {n:010}",
    "Which films came out in {y}, and who directed them?",
    "MATCH (p:Person) WHERE p.born = date('{y}-07-04') RETURN p.name ORDER BY p.name LIMIT {k}",
    "MATCH (u:User {{uuid: '550e8400-e29b-41d4-a716-4466554{n:05}'}}) RETURN u",
    "CREATE (e:Event {{at: datetime('{y}-05-01T12:30:00Z'), amount: {n}.{k}}})",
    "List the {k} persons whose name starts with 'Ma' and whose score is above {n}",
    "MATCH (a)-[:KNOWS*1..{k}]->(b) WHERE a.age > {k} AND b.salary < {n}000 RETURN b.name",
    "CALL db.index.vector.queryNodes('doc_embeddings', {k}, $embedding) YIELD node, score",
    "MATCH (t:Token {{text: 'graph'}}) WHERE t.token = $token RETURN t.position",
    "Which keys does the map hold, and is 'password' one of them?",
    "MATCH (u:User {{password: $password}}) RETURN u.name",
    "SET n.checksum = 'd41d8cd98f00b204e9800998ecf8427e', n.updated = timestamp() - {n}",
    "Upgrade from version 5.26.{k}.1 to 2026.09.0",
    "RETURN point({{latitude: 52.{n:05}, longitude: 13.{n:05}}}) AS here",
    "What is the ISBN of the book 978-3-16-148410-0?",
    "MATCH (s:Station)-[r:CONNECTS {{distance: {n}.25}}]->(t) RETURN s.code + '-' + t.code",
    "MATCH (p:Phone {{model: 'X{k}'}})<-[:OWNS]-(u:User) RETURN count(u) AS owners",
    "Show the call from {y}-03-04 10:15:00 to {y}-03-04 11:45:30",
    "Invoice INV/{y}/{n:06} of account 00{n:08}",
    "MATCH (n:HTTPServerConnectionPoolConfiguration2024) RETURN n.maxIdleTimeoutMilliseconds",
    "UNWIND range(1, {n}) AS i CREATE (:Item {{serial: 'SN-{n:08}-{k}'}})",
    "Does Alice Johnson know Bob Smith since {y}, and does Carol know 3 of his friends?",
)


def clean_texts(count: int = 1000, seed: int = 2) -> list[str]:
    """Questions and queries with numbers, ids, dates and names, and nothing of anybody's."""
    draw = random.Random(seed)
    return [
        CLEAN[i % len(CLEAN)].format(
            n=draw.randint(1, 99999), k=draw.randint(1, 99), y=draw.randint(1950, 2026)
        )
        for i in range(count)
    ]
