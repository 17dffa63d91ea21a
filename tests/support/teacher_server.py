"""A server on loopback that speaks both interfaces and misbehaves on demand.

    python teacher_server.py           prints its port, then serves until it is killed

What it does with a request is in the last user message: `[[429:0.05]]`, `[[500]]`, `[[hang]]`,
`[[half]]`, `[[json]]` (no JSON), `[[shape]]` (JSON of another shape), `[[drip]]`, `[[reset]]`,
`[[401]]`, `[[400]]`, `[[empty]]`, `[[refuse]]`, `[[length]]`, `[[form]]` (text in another form than
asked for), `[[echo]]` (the request's own headers), `[[surrogate]]` (half a character), `[[wrong]]`
(a query with an error). `[[500*2]]` does so twice for that message and then answers; `[[500*]]`
always. Without a mark it answers.
`[[say:…]]` is answered with that text. `GET /stats` tells what was asked: requests, answers,
distinct messages, messages that were answered twice, most requests in flight, tokens.

With `--chance P` each message without a mark misbehaves with that chance, once or twice, by its
hash.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import sys
from collections import Counter
from typing import Any

_MARK = re.compile(r"\[\[([a-z0-9]+)(?::([^\]*]*))?(\*\d*)?\]\]")
_SAY = re.compile(r"\[\[say:(.*?)\]\]", re.DOTALL)
_TROUBLE = ("429", "500", "half", "json", "shape", "reset", "drip", "hang")


class Server:
    """Counts and answers."""

    def __init__(self, chance: float = 0.0, hang: float = 30.0) -> None:
        self.chance, self.hang = chance, hang
        self.requests = self.answers = self.flying = self.most_flying = 0
        self.prompt_tokens = self.answer_tokens = 0
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()

    def stats(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "answers": self.answers,
            "messages": len(self.asked),
            "answered_twice": [m for m, n in self.answered.items() if n > 1][:5],
            "most_in_flight": self.most_flying,
            "prompt_tokens": self.prompt_tokens,
            "answer_tokens": self.answer_tokens,
        }

    def trouble(self, text: str, key: str) -> tuple[str, str] | None:
        """What is done with a request instead of answering it."""
        found = _MARK.search(text)
        if found and found[1] != "say":
            times = found[3] or "*1"
            if times == "*" or self.asked[key] <= int(times[1:]):
                return found[1], found[2] or ""
            return None
        if not found and self.chance:
            number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2**32
            if number < self.chance and self.asked[key] <= 1 + (number < self.chance / 2):
                kind = _TROUBLE[int(number * 1e6) % len(_TROUBLE)]
                return kind, "0.05"
        return None

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self.one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.IncompleteReadError:
            return False
        length = re.search(r"(?i)\r\ncontent-length: *(\d+)", head)
        raw = await reader.readexactly(int(length[1])) if length else b""
        if head.startswith("GET /stats"):
            writer.write(_reply(200, json.dumps(self.stats()).encode()))
            await writer.drain()
            return True
        body = json.loads(raw)
        text = _text_of(body)
        key = hashlib.sha256(raw).hexdigest()
        self.requests += 1
        self.asked[key] += 1
        self.flying += 1
        self.most_flying = max(self.most_flying, self.flying)
        try:
            return await self.answer(head, body, text, key, writer)
        finally:
            self.flying -= 1

    async def answer(
        self, head: str, body: dict[str, Any], text: str, key: str, writer: asyncio.StreamWriter
    ) -> bool:
        trouble = self.trouble(text, key)
        kind, argument = trouble or ("", "")
        if kind.isdigit():
            extra = f"retry-after: {argument}\r\n" if argument else ""
            said = {"error": {"message": f"status {kind} for {head}"}}
            writer.write(_reply(int(kind), json.dumps(said).encode(), extra))
            await writer.drain()
            return True
        if kind == "reset":
            writer.transport.abort()
            return False
        if kind == "hang":
            await asyncio.sleep(self.hang)
            return False
        reply = self.reply(head, body, text, kind)
        whole = _reply(200, reply)
        if kind == "half":
            writer.write(whole[: len(whole) - len(reply) // 2])
            await writer.drain()
            return False
        if kind == "drip":
            for at in range(0, len(whole), 8):
                writer.write(whole[at : at + 8])
                await writer.drain()
                await asyncio.sleep(0.25)
            return True
        if kind not in ("json", "shape", "empty", "surrogate"):
            self.answers += 1
            self.answered[key] += 1
        writer.write(whole)
        await writer.drain()
        return True

    def reply(self, head: str, body: dict[str, Any], text: str, kind: str) -> bytes:
        if kind == "json":
            return b'{"choices": [{"message": {"content": "MATCH'
        if kind == "shape":
            return json.dumps({"choice": [], "result": "MATCH (n) RETURN n"}).encode()
        anthropic = "system" in body or head.startswith("POST /v1/messages")
        answer, fields = self.text(head, body, text, kind)
        tokens = {"in": len(json.dumps(body)) // 4, "out": len(answer) // 4 + 1}
        self.prompt_tokens += tokens["in"]
        self.answer_tokens += tokens["out"]
        if anthropic:
            why = {"length": "max_tokens", "refuse": "refusal"}.get(kind, "end_turn")
            content: list[dict[str, Any]] = [{"type": "text", "text": answer}]
            if fields is not None and body.get("tools"):
                content = [{"type": "tool_use", "id": "t", "name": "answer", "input": fields}]
            usage = {"input_tokens": tokens["in"], "output_tokens": tokens["out"]}
            return json.dumps(
                {"type": "message", "content": content, "stop_reason": why, "usage": usage}
            ).encode()
        why = {"length": "length", "refuse": "content_filter"}.get(kind, "stop")
        message = {"role": "assistant", "content": answer}
        usage = {"prompt_tokens": tokens["in"], "completion_tokens": tokens["out"]}
        return json.dumps(
            {
                "id": "x",
                "object": "chat.completion",
                "choices": [{"index": 0, "message": message, "finish_reason": why}],
                "usage": usage,
            }
        ).encode()

    def text(
        self, head: str, body: dict[str, Any], text: str, kind: str
    ) -> tuple[str, dict[str, Any] | None]:
        """The answer's text, and its fields where fields were asked for."""
        if kind == "empty":
            return "", None
        if kind == "form":
            return "Sure! Here you are.", None
        if kind == "surrogate":
            return "RETURN 1 // \ud83d", None
        if kind == "echo":
            return f"RETURN '{head}'", None
        said = _SAY.search(text)
        number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:3], "big")
        query = (
            "MATCH (n:Thing RETURN n" if kind == "wrong" else f"MATCH (n:Thing) RETURN n.k{number}"
        )
        if said:
            query = said[1]
        asked = _fields_of(body)
        if not asked:
            return query, None
        fields: dict[str, Any] = {}
        for name in asked:
            fields[name] = 5 if name == "score" else query
        if said and said[1].startswith("{"):
            given = json.loads(said[1])
            fields = given if set(given) == set(asked) else {**fields, **_default(fields, number)}
        return json.dumps(fields), fields


def _default(fields: dict[str, Any], number: int) -> dict[str, Any]:
    """What is said where the words that the message gives are meant for another request."""
    return {name: 5 if name == "score" else f"RETURN {number}" for name in fields}


def _fields_of(body: dict[str, Any]) -> list[str]:
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
    if schema is None and body.get("tools"):
        schema = body["tools"][0]["input_schema"]
    return list(schema["properties"]) if schema else []


def _text_of(body: dict[str, Any]) -> str:
    return str(body["messages"][-1]["content"])


def _reply(status: int, body: bytes, extra: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n{extra}\r\n"
    )
    return head.encode() + body


async def main(arguments: list[str]) -> None:
    chance = float(arguments[arguments.index("--chance") + 1]) if "--chance" in arguments else 0.0
    server = Server(chance)
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0, backlog=2048)
    sys.stdout.write(f"{listening.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with listening:
        await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
