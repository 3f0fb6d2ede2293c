"""Class colors stay apart without color, and text on them can be read."""

from __future__ import annotations

import itertools

import pytest

from mdfnet.report.colors import class_colors, ink_on, luminance


def lightness(color) -> float:
    """CIE L* of luminance Y, for Y above 0.009."""
    return 116 * luminance(color) ** (1 / 3) - 16


@pytest.mark.parametrize("count", [2, 5, 8, 13, 20])
def test_gray_tones_are_evenly_apart(count):
    tones = [lightness(color) for color in class_colors(count)]
    smallest = min(abs(one - other) for one, other in itertools.combinations(tones, 2))
    assert smallest > 0.8 * 48 / (count - 1)


@pytest.mark.parametrize("count", [1, 5, 8, 13])
def test_names_on_class_colors_meet_wcag_aa(count):
    for color in class_colors(count):
        low, high = sorted((luminance(color), luminance(ink_on(color))))
        assert (high + 0.05) / (low + 0.05) >= 4.5, color


@pytest.mark.parametrize(
    ("color", "value"),
    [
        pytest.param((255, 0, 0), 0.2126, id="red weighs 0.2126"),
        pytest.param((0, 255, 0), 0.7152, id="green weighs 0.7152"),
        pytest.param((119, 119, 119), 0.1845, id="WCAG's darkest gray that white text may stand on, 4.48 to 1"),
    ],
)
def test_luminance_is_that_of_wcag(color, value):
    assert luminance(color) == pytest.approx(value, abs=1e-4)
