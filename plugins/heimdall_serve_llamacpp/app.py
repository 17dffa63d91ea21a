"""The HTTP server: OpenAI's chat endpoint, the chat page, health and counts."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from importlib.resources import files
from typing import Any, Final

import attrs
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from heimdall_core.errors import HeimdallError
from heimdall_core.prompt import Message
from heimdall_serve_llamacpp.answering import Answer, Answerer
from heimdall_serve_llamacpp.plan import plan_of
from heimdall_serve_llamacpp.requests import ChatRequest, read_request

_LARGEST_BODY: Final = 1 << 20
_PAGES: Final = {
    "/": ("chat.html", "text/html"),
    "/chat.js": ("chat.js", "text/javascript"),
    "/chat.css": ("chat.css", "text/css"),
}
_SAFE: Final = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def make_app(answerer: Answerer, hosts: list[str] | None = None) -> Starlette:
    """`hosts`: names that the server answers to; a web page that another name leads here is
    turned away. None for any."""
    app = Starlette(
        routes=[
            *(Route(path, _page) for path in _PAGES),
            Route("/health", _health),
            Route("/v1/models", _models),
            Route("/v1/chat/completions", _chat, methods=["POST"]),
            Route("/api/ask", _ask, methods=["POST"]),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts or ["*"])],
    )
    app.state.answerer = answerer
    return app


def _answerer(request: Request) -> Answerer:
    found: Answerer = request.app.state.answerer
    return found


async def _page(request: Request) -> Response:
    name, kind = _PAGES[request.url.path]
    text = (files("heimdall_serve_llamacpp") / "data" / name).read_text("utf-8")
    return Response(text, media_type=kind, headers=_SAFE)


async def _health(request: Request) -> Response:
    answerer = _answerer(request)
    cache = answerer.cache
    return JSONResponse(
        {
            "status": "ok",
            "model": answerer.model.name,
            "context": answerer.model.context_size,
            "answers": answerer.counts,
            "fallback": answerer.settings.check and answerer.settings.fallback,
            "cache": {"kept": len(cache), "size": cache.size, "hits": cache.hits},
        }
    )


async def _models(request: Request) -> Response:
    entry = {"id": _answerer(request).model.name, "object": "model", "owned_by": "heimdall"}
    return JSONResponse({"object": "list", "data": [entry]})


async def _chat(request: Request) -> Response:
    try:
        asked = read_request(await _body(request))
        if asked.stream and not _answerer(request).settings.check:
            return StreamingResponse(_live(request, asked), media_type="text/event-stream")
        answer = await run_in_threadpool(_answer, _answerer(request), asked)
    except HeimdallError as error:
        return _refused(str(error))
    if (answer.finish, answer.tokens) == ("context", 0):
        return _refused("the conversation leaves no room for an answer in the model's context")
    if asked.stream:
        return StreamingResponse(_pieces(request, answer), media_type="text/event-stream")
    name = _answerer(request).model.name
    message = {"role": "assistant", "content": answer.text}
    return JSONResponse(
        {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": name,
            "choices": [{"index": 0, "message": message, "finish_reason": _finish(answer)}],
            "usage": _usage(answer),
            "heimdall": _verdict(answer),
        }
    )


async def _ask(request: Request) -> Response:
    """The chat page's own endpoint: an answer with verdict and plan."""
    try:
        body = await _body(request)
        if not isinstance(body, dict) or not isinstance(body.get("question"), str):
            raise HeimdallError("the body must be an object with a text 'question'")
        asked = ChatRequest((Message("user", body["question"]),), None, None, 0, stream=False)
        answer = await run_in_threadpool(_answer, _answerer(request), asked)
    except HeimdallError as error:
        return _refused(str(error))
    plan = plan_of(_answerer(request).language, answer.query) if answer.query else []
    return JSONResponse(
        {
            "answer": answer.text,
            "finish": answer.finish,
            "seconds": round(answer.seconds, 4),
            "plan": [attrs.asdict(step) for step in plan],
            **_verdict(answer),
        }
    )


def _answer(answerer: Answerer, asked: ChatRequest) -> Answer:
    return answerer.answer(
        asked.messages,
        max_tokens=asked.max_tokens,
        temperature=asked.temperature,
        seed=asked.seed,
    )


async def _body(request: Request) -> Any:
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > _LARGEST_BODY:
            raise HeimdallError(f"the body is larger than {_LARGEST_BODY} bytes")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise HeimdallError("the body is not JSON") from error


def _refused(message: str) -> Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return JSONResponse({"error": error}, status_code=400)


def _finish(answer: Answer) -> str:
    return "stop" if answer.finish == "stop" else "length"


def _usage(answer: Answer) -> dict[str, int]:
    return {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.tokens,
        "total_tokens": answer.prompt_tokens + answer.tokens,
    }


def _verdict(answer: Answer) -> dict[str, Any]:
    return {
        "valid": answer.valid,
        "query": answer.query,
        "source": answer.source,
        "cached": answer.cached,
        "findings": [attrs.asdict(finding) for finding in answer.findings],
    }


def _event(request: Request, delta: dict[str, Any], **more: Any) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": more.pop("finish", None)}
    body = {
        "id": request.scope.setdefault("heimdall_id", f"chatcmpl-{uuid.uuid4().hex}"),
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": _answerer(request).model.name,
        "choices": [choice],
        **more,
    }
    return f"data: {json.dumps(body)}\n\n"


async def _pieces(request: Request, answer: Answer) -> AsyncIterator[str]:
    """A checked answer, word by word: what a client was sent cannot be taken back."""
    yield _event(request, {"role": "assistant", "content": ""})
    at = 0
    while at < len(answer.text):
        space = answer.text.find(" ", at + 1)
        end = len(answer.text) if space < 0 else space
        yield _event(request, {"content": answer.text[at:end]})
        at = end
    yield _event(request, {}, finish=_finish(answer), heimdall=_verdict(answer))
    yield "data: [DONE]\n\n"


async def _live(request: Request, asked: ChatRequest) -> AsyncIterator[str]:
    """An unchecked answer as it comes."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | Answer | HeimdallError] = asyncio.Queue()

    def run() -> None:
        def put(item: str | Answer | HeimdallError) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, item)

        try:
            answer = _answerer(request).answer(
                asked.messages,
                max_tokens=asked.max_tokens,
                temperature=asked.temperature,
                seed=asked.seed,
                on_text=put,
            )
            if answer.cached:
                put(answer.text)
            put(answer)
        except HeimdallError as error:
            put(error)

    task = asyncio.create_task(run_in_threadpool(run))
    yield _event(request, {"role": "assistant", "content": ""})
    while True:
        item = await queue.get()
        if isinstance(item, str):
            yield _event(request, {"content": item})
            continue
        if isinstance(item, HeimdallError):
            yield f"data: {json.dumps({'error': {'message': str(item)}})}\n\n"
        else:
            yield _event(request, {}, finish=_finish(item), heimdall=_verdict(item))
        break
    await task
    yield "data: [DONE]\n\n"
