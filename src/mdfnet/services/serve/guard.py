"""What every request passes before the application sees it: whose it is, how large, how many, how long.

Pure ASGI. The body is read whole, within its limit, before the application starts; so a chunked upload is refused like
any other, and a full server takes no memory for what it will not answer.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mdfnet.services.serve.metrics import Metrics
from mdfnet.services.serve.refusals import Refused, busy, strict_json
from mdfnet.services.serve.settings import Settings
from mdfnet.services.serve.tokens import Tokens

log = logging.getLogger("mdfnet.services.serve")

#: Where a token is asked for, if there are any; elsewhere is nothing about a patient or the use of the server.
GUARDED = ("/v1", "/metrics")

#: Names under which a server on loopback may be called; another one is a web page's that has its name changed to
#: lead here (DNS rebinding).
LOOPBACK = ("localhost", "127.0.0.1", "::1")

#: Headers that say who asks, from where, and for what: given twice, two readers could each take another one.
ONCE = ("host", "origin", "authorization", "content-length", "content-type")

#: Seconds and a share of `Settings.max_bytes` that a refused body is still read for, so that its sender hears why.
DRAIN_SECONDS = 5.0

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


class Exchange:
    """One request and its response: adds the headers, and remembers what is logged."""

    def __init__(self, scope: Scope, receive: Receive, send: Send):
        self.scope, self._receive, self._send = scope, receive, send
        self.headers = Headers(scope=scope)
        self.id, self.status, self.bytes, self.read_all = secrets.token_hex(8), 0, 0, False
        self.started = time.perf_counter()

    @property
    def method(self) -> str:
        """The method, if it is a known one."""
        method: str = self.scope["method"]
        return method if method in METHODS else "other"

    @property
    def route(self) -> str:
        """The template of the path: no id of an image, and no text of a client's choice."""
        path = getattr(self.scope.get("route"), "path", "")
        return path or ("page" if self.status == 200 else "unknown")

    async def receive(self) -> Message:
        """The next part of the body, counted."""
        message = await self._receive()
        self.bytes += len(message.get("body", b""))
        self.read_all = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Pass on what the application sends, with the headers that every response has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message).update({**HEADERS, "x-request-id": self.id})
        await self._send(message)

    async def body(self, most: int) -> bytes:
        """The whole body, refused where it is larger, said or found; ConnectionError: the client has gone."""
        length = self.headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit():
            raise Refused(400, "bad_request", "content-length is no number")
        parts = []
        while int(length) <= most and self.bytes <= most:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError
            parts.append(message.get("body", b""))
            if self.read_all:
                if self.bytes > most:
                    break
                return b"".join(parts)
        raise Refused(413, "too_large", f"more than {most} bytes", "send one image, and the record beside it")

    async def drain(self, most: int) -> None:
        """Read and forget the rest of a refused body; a client that is still sending would not hear the answer."""
        if self.headers.get("expect", "").lower() == "100-continue" and not self.bytes:
            return
        end = self.bytes + most
        while not self.read_all and self.bytes <= end and self.scope["method"] in ("POST", "PUT", "PATCH"):
            if (await self.receive())["type"] == "http.disconnect":
                return


class Guard:
    """An ASGI application around another one; without tokens it answers whoever reaches the loopback address."""

    def __init__(self, app: ASGIApp, settings: Settings, tokens: Tokens, metrics: Metrics):
        self.app, self.settings, self.tokens, self.metrics = app, settings, tokens, metrics
        self.in_hand = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send)
        try:
            async with asyncio.timeout(self.settings.seconds):
                await self._answer(exchange)
        except Refused as refused:
            await self._refuse(exchange, refused)
        except TimeoutError:
            await self._refuse(exchange, busy(f"no answer within {self.settings.seconds:g} s"))
        except ConnectionError:
            exchange.status = exchange.status or 499
        except Exception as error:  # what it says could be about a patient: only where it happened is logged
            log.error("request %s failed: %s", exchange.id, place_of(error))
            await self._refuse(exchange, Refused(500, "internal", "the server made a mistake"))
        finally:
            seconds = time.perf_counter() - exchange.started
            self.metrics.answered(exchange.method, exchange.route, exchange.status, seconds)
            log.info(
                *("%s %s %d, %.0f ms, %d bytes, request %s", exchange.method, exchange.route, exchange.status),
                *(seconds * 1000, exchange.bytes, exchange.id),
            )

    async def _answer(self, exchange: Exchange) -> None:
        scope = exchange.scope
        scope.setdefault("state", {})["who"] = self._who(exchange)
        if scope["method"] != "POST":
            await self.app(scope, exchange.receive, exchange.send)
            return
        if self.in_hand >= self.settings.queue:
            raise busy()
        self.in_hand += 1
        self.metrics.in_hand.set(self.in_hand)
        try:
            body = await self._body(exchange)
            await self.app(scope, _replayed(body, exchange.receive), exchange.send)
        finally:
            self.in_hand -= 1
            self.metrics.in_hand.set(self.in_hand)

    async def _body(self, exchange: Exchange) -> bytes:
        kind = exchange.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            return await exchange.body(self.settings.max_bytes)
        body = await exchange.body(min(self.settings.max_json, self.settings.max_bytes))
        if body:
            strict_json(body, "the body")
        return body

    def _who(self, exchange: Exchange) -> str:
        """Name for the audit log; a request that is from elsewhere, or brings no token of ours, is refused."""
        headers = exchange.headers
        for name in ONCE:
            if len(headers.getlist(name)) > 1:
                raise Refused(400, "header_twice", f"the header '{name}' is there twice", "send it once")
        if not len(self.tokens):
            if urlsplit(f"//{headers.get('host', '')}").hostname not in LOOPBACK:
                fix = "call it localhost, or give the server a token"
                raise Refused(421, "wrong_host", "a server without a token answers on loopback only", fix)
            if "origin" in headers and urlsplit(headers["origin"]).hostname not in LOOPBACK:
                raise Refused(403, "wrong_origin", "a page of another server asks", "open this server's own page")
            return "local"
        who = self.tokens.who(headers.get("authorization"))
        if who is None and exchange.scope["path"].startswith(GUARDED):
            fix = "send the header 'Authorization: Bearer TOKEN'"
            raise Refused(401, "unauthorized", "no valid token", fix, {"www-authenticate": "Bearer"})
        return who or "nobody"

    async def _refuse(self, exchange: Exchange, refused: Refused) -> None:
        if exchange.status:  # the response has begun; it cannot be taken back
            return
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await exchange.drain(self.settings.max_bytes)
        except TimeoutError:
            pass
        await refused.response(exchange.scope, exchange.receive, exchange.send)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Gives the body that was read, then what comes after it."""
    parts: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return parts.pop() if parts else await receive()

    return again


def place_of(error: BaseException) -> str:
    """Kind of an error and where it happened, without what it says."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = f"{frame.tb_frame.f_code.co_filename.rpartition('/')[2]}:{frame.tb_lineno}" if frame else "?"
    return f"{type(error).__name__} at {where}"
