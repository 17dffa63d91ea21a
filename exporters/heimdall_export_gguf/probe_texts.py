"""Texts on which two tokenizers that are not the same would differ. All of them are NFC."""

# Letters that look like others are what these texts are for.
# ruff: noqa: RUF001

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from heimdall_core.prompt import (
    SPECIAL_TOKENS,
    messages_for,
    normalise_text,
    render_example,
    render_prompt,
)
from heimdall_core.types import Example

_SCRIPTS: Final = (
    # Latin with accents, ligatures, and letters that change length in upper case
    "Zoë naïvely façades the crème brûlée; Ångström, Øre, Łódź, Dvořák, İstanbul, ıssız, ĳsvrij",
    "straße STRASSE ﬁn ﬂoß ŉ ǆ æther œuvre þorn ðat",
    # Greek, Cyrillic, Armenian, Georgian
    "Ἀθηνᾶ πάντα ῥεῖ· Ὀδυσσεύς ΣΊΣΥΦΟΣ ς",
    "Съешь ещё этих мягких французских булок, да выпей чаю. Ћирилица Їжак Ўзбек",
    "Հայաստան երեւան և քաղաք",
    "საქართველო მთაწმინდა",
    # Right to left, with points and tatweel
    "שָׁלוֹם עוֹלָם ־ חנוכה",
    "السلام عليكم ـــ القاهرة ١٢٣٤",
    "سلام دنیا، می‌خواهم",
    # Indic and South-East Asian: combining marks, no spaces
    "नमस्ते दुनिया क्षत्रिय ॐ १२३",
    "আমার সোনার বাংলা",
    "தமிழ் மொழி",
    "สวัสดีชาวโลก กินข้าวหรือยัง ๑๒๓",
    "ကမ္ဘာ့ မြန်မာ",
    "ភាសាខ្មែរ",
    # Chinese, Japanese, Korean: full width, half width, composed syllables
    "我想在图数据库里查询所有节点。《查询》，“引号”",
    "データベース ｶﾀｶﾅ ひらがな 々 ー 東京タワー",
    "안녕하세요 세계 ㄱㄴㄷ 한글 조합",
    "ＦＵＬＬ　ＷＩＤＴＨ１２３",
    # Letters beyond the basic plane
    "𝔊𝔯𝔞𝔭𝔥 𝟘𝟙𝟚 𐍈 𠀀𠀁 𓂀",
)

#: Texts that NFC changes: composed, decomposed, compatibility and reordered marks.
NOT_NFC: Final = (
    "e\u0301",
    "A\u030angstro\u0308m",
    "cre\u0300me bru\u0302le\u0301e",
    "\u1112\u1161\u11ab\u1100\u1173\u11af",
    "\u212b \u2126 \u212a",
    "q\u0307\u0323",
    "\u0958\u0959",
    "\ufb2a",
    "o\u031b\u0309",
    "\u0b92\u0bd7",
    "\u3046\u3099",
    "\u0065\u0302\u0301 MATCH (n:Caf\u0065\u0301)",
)

_EMOJI: Final = (
    "😀😃😄 🚀 ✅",
    "👩‍👩‍👧‍👦 👨🏽‍💻 🏳️‍🌈 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "❤️ ☺︎ ☺️ 1️⃣ ©️ ™",
    "🇬🇷🇩🇪🇯🇵",
    "a😀b 😀 c",
)

_WHITESPACE: Final = (
    "",
    " ",
    "  ",
    "   x",
    "x   ",
    "\t\tx\t y",
    "\n",
    "\n\n\n x",
    " \n \n  \n",
    "a\r\nb\rc\n\rd",
    "a \n b",
    "a\u00a0b\u2003c\u3000d\u200be",
    "tail \t\n",
    "word  word   word    word",
    "\u2028line\u2029paragraph\x0b\x0c",
    "\x00\x01\x7f control",
    "\ufeffbom",
)

_NUMBERS: Final = (
    "0 7 42 365 1024 65536 1234567890",
    "3.14159 -1.5e-10 1_000_000 1,000,000 0x1F 0b101",
    "2024-02-29T23:59:59.999Z 12:00 +49 30 123456",
    "½ ² ³ Ⅷ ① ٣ ৪",
    "v1.2.3-rc.4+build5",
)

_WORDS: Final = (
    "I'm you're he's we'll they'd I've DON'T O'Brien 'quoted' 'Tis rock'n'roll",
    "'S 'T 'RE 'VE 'M 'LL 'D ’s",
    "CamelCaseWord snake_case_word kebab-case-word SCREAMING_CASE mixedUP99cases",
    '(parenthesised) [brackets] {braces} <tags/> "quotes" `ticks`',
    "!!! ... --- === ??? ;;; ::: ,,,",
    "a.b,c;d:e!f?g",
    "user@example.org https://example.org/a/b?c=d&e=f#g C:\\Users\\x /usr/bin/env",
    "…—–‘’“”«»‹›¡¿§¶†‡•",
    "→ ← ↔ ≤ ≥ ≠ ∞ ∑ √ π",
)

_CODE: Final = (
    "MATCH (p:Person {name: 'Ada'})-[:KNOWS*1..3]->(q) WHERE q.age >= 30 RETURN q.name LIMIT 5",
    "CREATE (:City {name: 'Πάτρα', since: date('2020-01-01')})-[:IN]->(:Country {code: \"GR\"})",
    "MERGE (a:`Weird Label` {`the key`: $value}) ON CREATE SET a.n = coalesce(a.n, 0) + 1;",
    "UNWIND [1, 2, 3] AS x WITH x WHERE x % 2 = 1 RETURN collect(x) // comment",
    '{"action": "heimdall.watcher.query", "params": {"cypher": "MATCH (n) RETURN count(n)"}}',
    'def f(x: int) -> str:\n    return f"{x!r}"\n\n\nclass A:\n\tpass\n',
    "```cypher\nMATCH (n)\nRETURN n\n```",
    "if (a && b || !c) { i++; } /* x */ # y",
    "SELECT * FROM t WHERE a <> 'b' -- c",
)

# `</s>` is not among them: Qwen2.5's vocabulary holds it as an ordinary token, and llama.cpp makes
# it an end token whatever the file says.
_NEAR_SPECIAL: Final = (
    "<|im_start", "|im_end|>", "<|im_end", "< |im_end|>", "<|im_end|", "<|IM_END|>",
    "<|unknown|>", "</x>", "<s>", "[PAD]", "<|>",
)  # fmt: skip

_MARKED: Final = tuple(
    form.format(marker)
    for marker in SPECIAL_TOKENS
    for form in ("{0}", "{0}{0}", "a{0}b", " {0} ", "\n{0}\n", "{0}user\n", "é{0}Ж{0}", "x{0}  y")
)


#: Prompts for a proof that is given none.
QUESTIONS: Final = tuple(
    Example(instruction=form.format(thing))
    for form in (
        "How many {} are there?",
        "Find all {} whose name starts with 'A'.",
        "Return the ten newest {} with their names.",
        "Delete every {} that has no relationships.",
        "Which {} are connected to Ada, and how?",
    )
    for thing in (
        *("people", "cities", "films", "orders", "servers"),
        *("nodes", "users", "products", "books", "airports"),
    )
)


def probe_texts(examples: Iterable[Example], count: int) -> list[str]:
    """At most `count` different texts: the hand-made ones, then the examples' prompts and
    answers; where `count` is small, a share of both."""
    made = [
        normalise_text(text)
        for group in (
            *(_MARKED, _SCRIPTS, _EMOJI, _WHITESPACE, _NUMBERS, _WORDS, _CODE, _NEAR_SPECIAL),
            (f"{a} {b}" for a, b in zip(_SCRIPTS, _CODE * 3, strict=False)),
            (f"{a}\n\n{b}" for a, b in zip(_SCRIPTS[::-1], _EMOJI * 4, strict=False)),
        )
        for text in group
    ]
    rendered = [
        text
        for row in examples
        for text in (
            render_prompt(messages_for(row.instruction, row.input, row.system)),
            render_example(row.instruction, row.input, row.output, row.system).answer,
        )
    ]
    theirs = list(dict.fromkeys(rendered))
    ours = list(dict.fromkeys(made))
    share = max(count - len(theirs), min(len(ours), -(-2 * count // 3)))
    return list(dict.fromkeys(ours[:share] + theirs))[:count]
