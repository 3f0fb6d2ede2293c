"""Images decoded elsewhere: hostile ones refused, a decoder that dies replaced, nothing of ours known to it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "data" / "images"))
from test_hostile import HOSTILE

from mdfnet.services.serve.decoders import Decoders
from mdfnet.services.serve.refusals import Refused
from mdfnet.services.serve.settings import Settings


def decoding(check, **settings):
    """Run a check with a pool of one decoder."""

    async def run():
        decoders = Decoders(Settings(decoders=1, **settings), "as-is")
        await decoders.start()
        try:
            await check(decoders, next(iter(decoders._all)))
        finally:
            await decoders.stop()

    asyncio.run(run())


async def refusal(decoders: Decoders, data: bytes) -> str:
    with pytest.raises(Refused) as refused:
        await decoders.decode(data)
    assert refused.value.status == 422
    return refused.value.message


def test_hostile_images_are_refused_and_the_decoder_lives(image, tmp_path, send):
    async def check(decoders, decoder):
        for case in HOSTILE:
            case.values[0](image, tmp_path / "image.dcm")
            await refusal(decoders, (tmp_path / "image.dcm").read_bytes())
        decoded = await decoders.decode(send.png())
        assert decoded.image.shape == (96, 80) and decoders.replaced == 0

    decoding(check)


def test_a_decoder_that_is_killed_is_replaced(send):
    async def check(decoders, decoder):
        os.kill(decoder.process.pid, signal.SIGKILL)
        assert "more time or memory" in await refusal(decoders, send.png())
        assert (await decoders.decode(send.png())).image.shape == (96, 80)
        assert decoders.replaced == 1

    decoding(check)


def test_a_decoder_that_takes_too_long_is_replaced(send):
    async def check(decoders, decoder):
        os.kill(decoder.process.pid, signal.SIGSTOP)
        assert "more time or memory" in await refusal(decoders, send.png())
        assert (await decoders.decode(send.png())).image.shape == (96, 80)

    decoding(check, decode_seconds=0.5)


def test_a_request_that_is_given_up_leaves_no_decoder_in_the_middle(send):
    async def check(decoders, decoder):
        os.kill(decoder.process.pid, signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(decoders.decode(send.png(seed=1)), 0.2)
        decoded = await decoders.decode(send.png(seed=2))
        assert (decoded.image == (await decoders.decode(send.png(seed=2))).image).all()

    decoding(check)


def test_memory_is_limited(send):
    """6,000 x 6,000 pixels are an image, but not within 20 MB."""

    async def check(decoders, decoder):
        await refusal(decoders, send.png(6000, 6000, depth=np.uint8))
        assert (await decoders.decode(send.png())).image.shape == (96, 80)

    decoding(check, decode_memory=20_000_000)


def test_the_decoder_knows_no_secret_and_writes_no_file(send, monkeypatch):
    monkeypatch.setenv("MDFNET_TOKEN", "0123456789abcdef0123456789abcdef")

    async def check(decoders, decoder):
        process = Path(f"/proc/{decoder.process.pid}")
        variables = {entry.partition("=")[0] for entry in (process / "environ").read_text().split("\0")}
        assert not {name for name in variables if name.startswith("MDFNET")}
        limits = (process / "limits").read_text()
        for name in ("Max file size", "Max core file size"):
            assert next(line for line in limits.splitlines() if line.startswith(name)).split()[-3:-1] == ["0", "0"]

    decoding(check)
