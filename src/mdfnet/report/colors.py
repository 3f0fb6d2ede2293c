"""Class colors that stay apart in grayscale print and for color-blind eyes."""

from __future__ import annotations

import numpy as np

from mdfnet.core.arrays import Floats

#: Red, green and blue in 0 ... 255.
Color = tuple[int, int, int]

#: Okabe and Ito's color-blind-safe hues (2008, jfly.uni-koeln.de/color), darkest first; RGB in 0 ... 255.
HUES = (
    (0, 114, 178),  # blue
    (213, 94, 0),  # vermilion
    (0, 158, 115),  # bluish green
    (204, 121, 167),  # reddish purple
    (86, 180, 233),  # sky blue
    (230, 159, 0),  # orange
    (240, 228, 66),  # yellow
)

#: Lightness of the first and the last class color, CIE L* in 0 ... 100: neither is lost on a black or a white ground.
LIGHTNESS = (42.0, 90.0)


def class_colors(count: int) -> tuple[Color, ...]:
    """Colors for ``count`` classes: Okabe-Ito hues in evenly spaced, strictly rising lightness.

    Neighbors differ by 48 / (count - 1) units of CIE L*; past seven classes hues repeat, lightness does not.

    Returns:
        One RGB triple in 0 ... 255 per class, in label order.

    Examples:
        >>> class_colors(2)
        ((0, 104, 163), (241, 230, 99))
    """
    hues = np.linspace(0, len(HUES) - 1, count).astype(int)
    return tuple(
        _with_lightness(HUES[hue], lightness)
        for hue, lightness in zip(hues, np.linspace(*LIGHTNESS, count), strict=True)
    )


def luminance(color: Color) -> float:
    """Relative luminance of an sRGB color, 0 (black) to 1 (white), as WCAG 2.2 defines it.

    Examples:
        >>> luminance((0, 0, 0)), luminance((255, 255, 255))
        (0.0, 1.0)
    """
    return float(_linear(color) @ _WEIGHTS)


def ink_on(color: Color) -> Color:
    """Black or white, whichever reads better on a ground of this color.

    Examples:
        >>> ink_on((240, 228, 66)), ink_on((0, 114, 178))
        ((0, 0, 0), (255, 255, 255))
    """
    return (0, 0, 0) if (luminance(color) + 0.05) ** 2 > 0.05 * 1.05 else (255, 255, 255)


_WEIGHTS = np.array([0.2126, 0.7152, 0.0722])


def _linear(color: Color) -> Floats:
    """Linear light of sRGB, IEC 61966-2-1."""
    value = np.asarray(color) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _with_lightness(color: Color, lightness: float) -> Color:
    """The color darkened (toward black) or lightened (toward white) in linear light to a CIE L* above 8."""
    target = ((lightness + 16) / 116) ** 3
    light = _linear(color)
    now = light @ _WEIGHTS
    light = light * target / now if target < now else light + (1 - light) * (target - now) / (1 - now)
    value = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    red, green, blue = (int(channel) for channel in (value * 255).round())
    return red, green, blue
