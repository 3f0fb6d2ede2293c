"""Open images go when their time or memory is over; what is in use stays."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mdfnet.data.images.viewing import Viewing
from mdfnet.models.fusion.features import Features
from mdfnet.services.serve.images import OpenImage, OpenImages
from mdfnet.services.serve.metrics import Metrics
from mdfnet.services.serve.refusals import Refused
from mdfnet.services.serve.settings import Settings


def image(pixels: int = 100) -> OpenImage:
    features = Features(torch.zeros(1, 1, 5, 5), (), {"backbone": {"0": torch.zeros(25)}})
    return OpenImage(b"", np.zeros((1, pixels), np.uint16), Viewing("png", 8, False, 128.0, 256.0), features, "image-0")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def images(clock=None, **settings) -> OpenImages:
    return OpenImages(Settings(**settings), Metrics(), clock or Clock())


def gone(images: OpenImages, identifier: str) -> bool:
    try:
        images.get(identifier)
    except Refused as refused:
        assert (refused.status, refused.code) == (404, "image_gone")
        return True
    return False


def test_memory_counts_pixels_and_features():
    assert image().bytes == 200 + 100 + 100


def test_the_least_recently_used_goes():
    opened = images(kept_bytes=1000)
    first, second = opened.add(image()), opened.add(image())
    opened.get(first)
    third = opened.add(image())
    assert [gone(opened, one) for one in (first, second, third)] == [False, True, False]


def test_one_image_is_kept_however_large():
    opened = images(kept_bytes=1)
    assert not gone(opened, opened.add(image()))


def test_time_runs_from_the_last_use():
    clock = Clock()
    opened = images(clock, kept_seconds=60)
    used, unused = opened.add(image()), opened.add(image())
    clock.now = 50
    opened.get(used)
    clock.now = 70
    assert (gone(opened, used), gone(opened, unused)) == (False, True)


def test_ids_cannot_be_guessed():
    opened = images()
    assert len({opened.add(image()) for _ in range(100)}) == 100
    with pytest.raises(Refused):
        opened.get("0" * 22)
