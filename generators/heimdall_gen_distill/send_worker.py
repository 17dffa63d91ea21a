"""A process that sends requests and nothing else: reads its set-up and then lists of requests, a
line of JSON each, and writes what came of them. What may be sent, and when, is decided by whoever
asks it. Ends when its input does."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from importlib import import_module
from typing import Any

from heimdall_core.errors import HeimdallError, TeacherFailure
from heimdall_core.structure import structure
from heimdall_core.types import TeacherSession, lazy

_LONGEST = 64 * 2**20


class _Server:
    """Sends many requests at once and gathers what came in the same turn of the loop."""

    def __init__(self, session: TeacherSession, target: asyncio.StreamWriter) -> None:
        self._session, self._target = session, target
        self._found: list[Any] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, requests: list[Any]) -> None:
        for number, rendered in requests:
            task = asyncio.create_task(self._send(number, rendered))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self, number: int, rendered: Any) -> None:
        found: dict[str, Any]
        try:
            answer = await self._session.send(rendered)
            found = {
                "text": answer.text,
                "prompt_tokens": answer.prompt_tokens,
                "answer_tokens": answer.answer_tokens,
                "finish": answer.finish,
            }
        except TeacherFailure as failure:
            found = {
                "kind": failure.kind,
                "message": failure.message,
                "retry_after": failure.retry_after,
                "billed": failure.billed,
            }
        except Exception as error:  # noqa: BLE001 - one request must not end the others
            text = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            found = {"kind": "server", "message": text, "retry_after": None, "billed": True}
        if not self._found:
            asyncio.get_running_loop().call_soon(self._write)
        self._found.append((number, found))

    def _write(self) -> None:
        self._target.write(
            json.dumps(self._found, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
        )
        self._found.clear()


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    source = asyncio.StreamReader(limit=_LONGEST)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(source), sys.stdin.buffer)
    pipe, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout)
    target = asyncio.StreamWriter(pipe, protocol, None, loop)
    setup = json.loads(await source.readline())
    sys.path[:] = setup["path"]
    module, _, name = setup["options"].partition(":")
    settings: Any = structure(setup["table"], getattr(import_module(module), name), "options")
    session = lazy(setup["open"])(settings)
    server = _Server(session, target)
    target.write(b"ready\n")
    try:
        while line := await source.readline():
            server.take(json.loads(line.decode("utf-8", "surrogatepass")))
            await target.drain()
    finally:
        await session.close()


def main() -> None:
    """Serves until the end of standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks decides when to stop
    try:
        asyncio.run(_serve())
    except HeimdallError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
