"""How the findings look: where they lie and how much air of the lung they displace.

Nothing here knows the class of an opacity: consolidation, atelectasis and edema are drawn by the same code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from mdfnet.core.arrays import Floats
from mdfnet.data.phantom.anatomy import Anatomy
from mdfnet.data.phantom.canvas import Canvas, clip01, clouds, ramp

FORMS = ("band", "wedge", "patch")


@dataclass(frozen=True)
class Ellipse:
    """An axis-aligned ellipse as a reader draws it, in parts of the image's side."""

    center: tuple[float, float]
    axes: tuple[float, float]

    def redrawn(self, rng: np.random.Generator) -> Ellipse:
        """The same as a reader would draw it: center and axes off by a few percent."""
        center, axes = np.array(self.center), np.array(self.axes)
        center = center + rng.normal(0, 0.03, 2) * axes
        axes = axes * np.exp(rng.normal(0, 0.04, 2))
        return Ellipse(tuple(center.tolist()), tuple(axes.tolist()))


@dataclass(frozen=True)
class Focal:
    """One focal opacity: a plate-like band, a wedge of lost volume with its tip at the hilum, or a patch."""

    form: str  #: "band", "wedge" or "patch"
    center: tuple[float, float]  #: Its middle
    extent: tuple[float, float]  #: Half length along its axis, half width across
    angle: float  #: Direction of its axis, radians clockwise from the horizontal
    strength: float  #: Share of the air that it displaces

    def displaced(self, canvas: Canvas, rng: np.random.Generator) -> Floats:
        """Share of the air displaced, float32 ``[size, size]`` in [0, 1]."""
        x, y = canvas.x - self.center[0], canvas.y - self.center[1]
        cos, sin = np.float32(np.cos(self.angle)), np.float32(np.sin(self.angle))
        along, across = (x * cos + y * sin) / self.extent[0], (y * cos - x * sin) / self.extent[1]  # [-1, 1] inside
        mottle = clouds(rng, canvas.size, 22)
        if self.form == "band":
            shape: Floats = ramp(1.1 - along**2, 0.6) * ramp(
                1.2 - np.abs(across + 0.4 * along**2 - 0.2 + 0.15 * mottle), 0.8
            )
        elif self.form == "wedge":
            shape = ramp(1.1 - along**2, 0.6) * ramp(0.65 + 0.45 * along - np.abs(across) + 0.18 * mottle, 0.6)
        else:
            shape = ramp(1.1 - along**2 - across**2 + 0.25 * mottle, 1.0)
        return self.strength * shape * clip01(0.85 + 0.15 * mottle)

    @property
    def ellipse(self) -> Ellipse:
        """The smallest upright ellipse-like extent around it; readers leave thin bands some room."""
        length, width = self.extent
        half_x = np.hypot(length * np.cos(self.angle), width * np.sin(self.angle))
        half_y = np.hypot(length * np.sin(self.angle), width * np.cos(self.angle))
        return Ellipse(self.center, (max(half_x, 0.035), max(half_y, 0.035)))


def draw_focal(rng: np.random.Generator, anatomy: Anatomy, count: int) -> list[Focal]:
    """``count`` focal opacities, in different lungs or in different zones of one."""
    places = [(side, zone) for side in (-1, 1) for zone in (0.36, 0.72)]
    chosen = rng.permutation(len(places))[:count]
    return [_one_focal(rng, anatomy, *places[index]) for index in chosen]


def _one_focal(rng: np.random.Generator, anatomy: Anatomy, side: int, zone: float) -> Focal:
    form = str(rng.choice(FORMS))
    low, high = {"band": (0.075, 0.115), "wedge": (0.075, 0.11), "patch": (0.06, 0.095)}[form]
    length = rng.uniform(low, high)
    width = {"band": rng.uniform(0.016, 0.026), "wedge": rng.uniform(0.6, 0.8) * length, "patch": 0}[form]
    width = width or rng.uniform(0.75, 1.15) * length
    height = anatomy.apex + (zone + rng.uniform(-0.1, 0.1)) * (anatomy.domes[(side + 1) // 2] - anatomy.apex)
    outer = float(anatomy.lateral(np.array(height)))
    distance = rng.uniform(min(0.14, outer - length), max(0.15, outer - 0.8 * length))
    tilt = rng.uniform(-0.35, 0.45)
    return Focal(
        form=form,
        center=(side * distance, height),
        extent=(length, width),
        angle=tilt if side > 0 else np.pi - tilt,
        strength=rng.uniform(0.45, 0.85),
    )


@dataclass(frozen=True)
class Haze:
    """One wing of a bilateral haze around the hila."""

    center: tuple[float, float]  #: Its middle
    axes: tuple[float, float]  #: Half width and half height
    strength: float  #: Share of the air displaced in the middle

    def displaced(self, canvas: Canvas, rng: np.random.Generator) -> Floats:
        """Share of the air displaced, float32 ``[size, size]`` in [0, 1]."""
        over = (canvas.x - self.center[0]) / self.axes[0]
        down = (canvas.y - self.center[1]) / self.axes[1]
        mottle = clouds(rng, canvas.size, 30)
        shape = ramp(1.1 - 0.9 * (over**2 + down**2) + 0.12 * mottle, 1.3)
        return self.strength * shape * clip01(0.8 + 0.2 * mottle)

    @property
    def ellipse(self) -> Ellipse:
        """Its outline."""
        return Ellipse(self.center, self.axes)


def draw_haze(rng: np.random.Generator, anatomy: Anatomy) -> list[Haze]:
    """Both wings: of about the same strength and height, never quite symmetrical."""
    strength, height = rng.uniform(0.4, 0.75), rng.uniform(0.42, 0.5)
    half_width, half_height = rng.uniform(0.085, 0.115), rng.uniform(0.13, 0.19)
    wings = []
    for side in (-1, 1):
        bigger = np.exp(rng.normal(0, 0.08, 2)).tolist()
        center = (side * (0.06 + half_width * rng.uniform(0.85, 1.0)), height + rng.normal(0, 0.012))
        axes = (half_width * bigger[0], half_height * bigger[1])
        wings.append(Haze(center, axes, float(np.clip(strength * rng.uniform(0.85, 1.15), 0, 0.85))))
    return wings


@dataclass(frozen=True)
class Effusion:
    """Fluid that fills the costophrenic angle up to a meniscus that rises towards the chest wall."""

    side: int  #: -1 the patient's right, +1 the left
    level: float  #: Height at which the meniscus meets the middle of the lung
    rise: float  #: How much higher it reaches at the chest wall
    anatomy: Anatomy  #: The thorax it lies in

    def displaced(self, canvas: Canvas, rng: np.random.Generator) -> Floats:
        """Share of the air displaced, float32 ``[size, size]`` in [0, 1]."""
        lateral = clip01(self.side * canvas.x / self.anatomy.thorax)
        meniscus = self.level - self.rise * lateral**5
        return 0.97 * ramp(canvas.y - meniscus, 0.035) * (lateral > 0)

    @property
    def ellipse(self) -> Ellipse:
        """Around the fluid: from the chest wall inwards to where the meniscus leaves the dome, top to angle."""
        inwards = np.linspace(1, 0.1, 200)
        meniscus = self.level - self.rise * inwards**5
        fluid = self.anatomy.diaphragm(self.side * inwards * self.anatomy.thorax) > meniscus + 0.015
        x1 = float(inwards[fluid.cumprod().sum() - 1]) * self.anatomy.thorax
        x2 = self.anatomy.thorax - 0.015
        y1, y2 = self.level - 0.6 * self.rise, self.anatomy.base - 0.022
        return Ellipse((self.side * (x1 + x2) / 2, (y1 + y2) / 2), ((x2 - x1) / 2, (y2 - y1) / 2))


#: Whatever displaces air.
Lesion: TypeAlias = Focal | Haze | Effusion


def draw_effusion(rng: np.random.Generator, anatomy: Anatomy, side: int) -> Effusion:
    """A moderate effusion: from well above the angle to a quarter of the lung."""
    depth = anatomy.base - anatomy.domes[(side + 1) // 2]
    return Effusion(side, anatomy.base - depth * rng.uniform(0.8, 1.6), rng.uniform(0.1, 0.17), anatomy)
