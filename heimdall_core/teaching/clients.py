"""Asking over an official client: it signs, sends and pools connections; waiting, retrying and
reading the answer are ours."""

from __future__ import annotations

import asyncio
import os
import re
from importlib import import_module
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies

from heimdall_core.errors import HeimdallError, TeacherFailure, missing_extra
from heimdall_core.teaching.replies import decoded, scrubbed, secret, status_failure

_LOCAL = ("localhost", "127.0.0.1", "::1")
_CONNECTIONS = 1024


class ClientOptions(Protocol):
    """What the options of a teacher over HTTP have in common."""

    @property
    def base_url(self) -> str: ...

    @property
    def key_variable(self) -> str: ...

    @property
    def timeout(self) -> float: ...


class OfficialClient:
    """An official client with its retries switched off.

    With the maker's `name` (`OpenAI`), its package holds `AsyncOpenAI`, `OpenAIError` and the
    exceptions that all of them have under the same names. Raises `HeimdallError` where the package
    or a key is missing; a server on this machine needs no key.
    """

    def __init__(self, name: str, options: ClientOptions) -> None:
        package = name.lower()
        what = f"the teacher '{package}'"
        try:
            module: Any = import_module(package)
            import httpx2
        except ImportError as error:
            raise missing_extra(package, "teach", what) from error
        if (urlsplit(options.base_url).hostname or "") in _LOCAL:
            self.key = os.environ.get(options.key_variable, "").strip() or "none"
        else:
            self.key = secret(options.key_variable, what)
        if not re.fullmatch(r"[\x21-\x7e]+", self.key):
            raise HeimdallError(
                f"the key in {options.key_variable} holds a character that no key can have",
                hint="copy it again, without blanks and line ends",
            )
        self._client = getattr(module, f"Async{name}")(
            api_key=self.key,
            base_url=options.base_url or None,
            max_retries=0,
            http_client=_http_client(module, options.timeout),
        )
        self._errors, self._error = module, getattr(module, f"{name}Error")
        self._response, self._timeout = httpx2.Response, options.timeout
        self._base = str(self._client.base_url).rstrip("/")

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Sends a body once; the reply's JSON object. Raises `TeacherFailure`."""
        errors = self._errors
        try:
            # The plain `post` of the client: its typed methods spend as long on checking a body
            # that is known to be right as on everything else together.
            reply = await asyncio.wait_for(
                self._client.post(self._base + path, cast_to=self._response, body=body),
                self._timeout,
            )
            content = reply.content
        except (TimeoutError, errors.APITimeoutError) as error:
            raise TeacherFailure(
                "timeout", f"no answer within {self._timeout:g} s", billed=True
            ) from error
        except errors.APIStatusError as error:
            said = error.response.text
            raise status_failure(
                error.status_code, error.response.headers, said, self.key
            ) from None
        except errors.APIConnectionError as error:
            raise _connection(error) from None
        except self._error as error:
            text = scrubbed(str(error), self.key)[:200]
            raise TeacherFailure("broken", text, billed=True) from None
        return decoded(content)

    async def close(self) -> None:
        """Ends the connections."""
        await self._client.close()


def _http_client(module: Any, timeout: float) -> Any:
    """What the client sends with: the leanest that will do."""
    import httpx2

    if not getproxies():
        try:
            from heimdall_core.teaching.lean import LeanClient

            return LeanClient(timeout=timeout, connections=_CONNECTIONS)
        except ImportError:  # without aiohttp
            pass
    limits = httpx2.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS)
    arguments: dict[str, Any] = {"limits": limits, "timeout": timeout}
    try:
        return module.DefaultAioHttpClient(**arguments)
    except RuntimeError:  # without aiohttp; half as fast
        return module.DefaultAsyncHttpxClient(**arguments)


def _connection(error: BaseException) -> TeacherFailure:
    """A connection that was refused took no request; one that broke may have."""
    cause = error.__cause__ or error
    refused = "ConnectError" in type(cause).__name__
    text = "cannot connect" if refused else "the connection broke"
    return TeacherFailure("connection", text, billed=not refused)
