"""An HTTP client for the official clients that asks one address many times a second.

The general one parses the address, merges the headers and wraps the answer's stream anew for every
request, which takes longer than sending it. Here a request that posts bytes goes straight to
aiohttp; everything else, a redirect among it, is left to the general client.
"""

from __future__ import annotations

from typing import Any

import aiohttp
import httpx2

_ADDRESSES = 64


class LeanClient(httpx2.AsyncClient):
    """What `http_client=` of an official client takes."""

    def __init__(self, *, timeout: float, connections: int) -> None:
        limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
        super().__init__(timeout=timeout, limits=limits, follow_redirects=True)
        self._seconds, self._connections = timeout, connections
        self._session: aiohttp.ClientSession | None = None
        self._addresses: dict[str, httpx2.URL] = {}

    def build_request(self, method: str, url: httpx2.URL | str, **given: Any) -> httpx2.Request:
        """As the general client's; faster where there are headers and bytes alone."""
        content, headers = given.pop("content", None), given.pop("headers", None)
        timeout = given.pop("timeout", None)
        if not isinstance(content, bytes) or not isinstance(url, str) or any(given.values()):
            return super().build_request(
                method, url, content=content, headers=headers, timeout=timeout, **given
            )
        address = self._addresses.get(url)
        if address is None:
            if len(self._addresses) >= _ADDRESSES:
                self._addresses.clear()
            address = self._addresses[url] = httpx2.URL(url)
        return httpx2.Request(method, address, headers=headers, content=content)

    async def send(self, request: httpx2.Request, **given: Any) -> httpx2.Response:
        """The answer, read to its end."""
        if request.method != "POST" or given.get("stream") or "timeout" in request.extensions:
            return await super().send(request, **given)
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._connections, ssl=httpx2.create_ssl_context()
                ),
                timeout=aiohttp.ClientTimeout(total=self._seconds),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        try:
            async with self._session.post(
                str(request.url),
                data=request.content,
                headers=request.headers.multi_items(),
                allow_redirects=False,
            ) as reply:
                body = await reply.read()
        except TimeoutError as error:
            raise httpx2.ReadTimeout(str(error), request=request) from error
        except aiohttp.ClientConnectorError as error:
            raise httpx2.ConnectError(str(error), request=request) from error
        except (aiohttp.ClientError, OSError) as error:
            raise httpx2.ReadError(str(error), request=request) from error
        if 300 <= reply.status < 400:
            return await super().send(request, **given)
        headers = [
            (name, value) for name, value in reply.raw_headers if name.lower() not in _ENCODED
        ]
        return httpx2.Response(reply.status, headers=headers, content=body, request=request)

    async def aclose(self) -> None:
        """Ends the connections."""
        if self._session is not None:
            await self._session.close()
        await super().aclose()


#: Said of the body as it was sent; aiohttp has undone it.
_ENCODED = (b"content-encoding", b"content-length", b"transfer-encoding")
