"""Open films go when their time or memory is over; what is in use stays."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mdfnet.data.images.viewing import Viewing
from mdfnet.models.fusion.features import Features
from mdfnet.services.serve.films import OpenFilm, OpenFilms
from mdfnet.services.serve.metrics import Metrics
from mdfnet.services.serve.refusals import Refused
from mdfnet.services.serve.settings import Settings


def film(pixels: int = 100) -> OpenFilm:
    features = Features(torch.zeros(1, 1, 5, 5), (), {"backbone": {"0": torch.zeros(25)}})
    return OpenFilm(b"", np.zeros((1, pixels), np.uint16), Viewing("png", 8, False, 128.0, 256.0), features, "film-0")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def films(clock=None, **settings) -> OpenFilms:
    return OpenFilms(Settings(**settings), Metrics(), clock or Clock())


def gone(films: OpenFilms, identifier: str) -> bool:
    try:
        films.get(identifier)
    except Refused as refused:
        assert (refused.status, refused.code) == (404, "film_gone")
        return True
    return False


def test_memory_counts_pixels_and_features():
    assert film().bytes == 200 + 100 + 100


def test_the_least_recently_used_goes():
    opened = films(kept_bytes=1000)
    first, second = opened.add(film()), opened.add(film())
    opened.get(first)
    third = opened.add(film())
    assert [gone(opened, one) for one in (first, second, third)] == [False, True, False]


def test_one_film_is_kept_however_large():
    opened = films(kept_bytes=1)
    assert not gone(opened, opened.add(film()))


def test_time_runs_from_the_last_use():
    clock = Clock()
    opened = films(clock, kept_seconds=60)
    used, unused = opened.add(film()), opened.add(film())
    clock.now = 50
    opened.get(used)
    clock.now = 70
    assert (gone(opened, used), gone(opened, unused)) == (False, True)


def test_ids_cannot_be_guessed():
    opened = films()
    assert len({opened.add(film()) for _ in range(100)}) == 100
    with pytest.raises(Refused):
        opened.get("0" * 22)
