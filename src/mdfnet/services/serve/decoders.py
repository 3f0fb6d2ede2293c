"""A few processes that decode images for the server, each replaced when it dies or takes too long.

An image goes over as a descriptor of memory (``memfd_create``), never as a file: nothing that is uploaded touches a
disk.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from mdfnet.core.arrays import Array
from mdfnet.core.errors import UserError
from mdfnet.data.images.viewing import Viewing
from mdfnet.services.serve.decoding import LINE
from mdfnet.services.serve.memory import in_memory
from mdfnet.services.serve.refusals import Refused, busy
from mdfnet.services.serve.settings import Settings

#: All that a decoder knows of this process' environment; keys and tokens are not among it.
KEPT_VARIABLES = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "LANG")


@dataclass(frozen=True)
class Decoded:
    """An image out of a decoder: for the model uint8 or uint16 ``[H, W]``, for a viewer uint16 ``[H, W]`` and how."""

    image: Array
    values: Array
    viewing: Viewing


class Gone(Exception):
    """The process did not start, or ended in the middle of an answer."""


class Decoder:
    """One process and the line to it. Not for two threads at once."""

    def __init__(self, settings: Settings):
        self.settings = settings
        ours, theirs = socket.socketpair()
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        single = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        module, given = "mdfnet.services.serve.decoding", (str(theirs.fileno()), str(settings.decode_memory))
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *given],
                pass_fds=[theirs.fileno()],
                env={**kept, **single},
                stdin=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self.line, self.stream = ours, ours.makefile("rb")

    def wait_until_ready(self) -> None:
        """Return when it can decode."""
        if self.stream.readline(LINE) != b"ready\n":
            raise Gone

    def decode(self, data: bytes, intensity: str) -> Decoded:
        request = {"intensity": intensity, "seconds": self.settings.decode_seconds}
        with in_memory(data) as descriptor:
            try:
                socket.send_fds(self.line, [json.dumps(request).encode()], [descriptor])
            except OSError:
                raise Gone from None
        return self._answer()

    def _answer(self) -> Decoded:
        try:
            line = self.stream.readline(LINE)
            if not line.endswith(b"\n"):
                raise Gone
            head = json.loads(line)
            if "refused" in head:
                raise Refused(422, head["refused"], head["what"], head["fix"])
            shape = tuple(head.pop("shape"))
            image, values = (self._picture(shape, dtype) for dtype in head.pop("dtypes"))
        except (OSError, ValueError):
            raise Gone from None
        head["taken"] = head["taken"] and datetime.fromisoformat(head["taken"])
        return Decoded(image, values, Viewing(**head))

    def _picture(self, shape: tuple[int, ...], dtype: str) -> Array:
        picture = np.empty(shape, dtype)
        if self.stream.readinto(picture.data.cast("B")) != picture.nbytes:
            raise Gone
        return picture

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.line.close()


class Decoders:
    """The pool. ``await decoders.decode(data)`` from the server's loop."""

    def __init__(self, settings: Settings, intensity: str):
        if not hasattr(os, "memfd_create"):
            what = "the server keeps uploads in memory in a way that only Linux has"
            raise UserError(what, fix="run it on Linux, or in a Linux container")
        self.settings, self.intensity = settings, intensity
        self.replaced = 0
        self._free: asyncio.Queue[Decoder] = asyncio.Queue()
        self._all: set[Decoder] = set()
        self._starting: set[asyncio.Task[None]] = set()
        self._closed = False

    async def start(self) -> None:
        """Start all of them; returns when all can decode."""
        await asyncio.gather(*(self._add() for _ in range(self.settings.decoders)))

    async def stop(self) -> None:
        self._closed = True
        for task in self._starting:
            task.cancel()
        for decoder in tuple(self._all):
            await asyncio.to_thread(decoder.stop)

    async def decode(self, data: bytes) -> Decoded:
        """Decode one image in the next free process; what breaks that or takes too long is refused."""
        decoder = await self._free.get()
        work = asyncio.ensure_future(asyncio.to_thread(decoder.decode, data, self.intensity))
        whole = False
        try:
            decoded = await asyncio.wait_for(asyncio.shield(work), self.settings.decode_seconds + 1)
            whole = True
            return decoded
        except Refused:
            whole = True
            raise
        except (Gone, TimeoutError):
            what = "the image is damaged: decoding it took more time or memory than an image may"
            raise Refused(422, "not_an_image", what, "fetch or export it again") from None
        finally:
            if whole:
                self._free.put_nowait(decoder)
            else:  # also when the request was given up: what the process still writes is nobody's
                self._replace(decoder, work)

    def _replace(self, decoder: Decoder, work: asyncio.Future[Any]) -> None:
        self.replaced += 1
        self._all.discard(decoder)
        decoder.process.kill()  # the thread that reads from it then comes to its end

        async def over() -> None:
            await asyncio.wait([work])
            work.exception()
            await asyncio.to_thread(decoder.stop)
            await self._add()

        task = asyncio.create_task(over())
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _add(self) -> None:
        if self._closed:
            return
        decoder = await asyncio.to_thread(Decoder, self.settings)
        self._all.add(decoder)
        try:
            await asyncio.to_thread(decoder.wait_until_ready)
        except Gone:
            self._all.discard(decoder)
            raise busy("no image can be decoded: the decoder does not start") from None
        self._free.put_nowait(decoder)
