"""From density to a radiograph: exposure, position, blur, noise and borders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from mdfnet.core.arrays import Array, Floats
from mdfnet.data.phantom import lesions, thorax
from mdfnet.data.phantom.anatomy import Anatomy, draw_anatomy
from mdfnet.data.phantom.canvas import MARGIN, canvas, clouds
from mdfnet.data.phantom.findings import PhantomCase


@dataclass(frozen=True)
class Position:
    """How the patient stands before the detector."""

    angle: float  #: Rotation, radians
    shift: tuple[float, float]  #: Parts of the image's side (right, down)

    def crop(self, image: Image.Image) -> Image.Image:
        """What the detector sees of the canvas."""
        size = image.width
        scale = 1 / (1 + 2 * MARGIN)
        cos, sin = np.cos(self.angle) * scale, np.sin(self.angle) * scale
        shift_x, shift_y = (0.5 + part for part in self.shift)
        offset_x = size * (0.5 - cos * shift_x - sin * shift_y)
        offset_y = size * (0.5 + sin * shift_x - cos * shift_y)
        matrix = (cos, sin, offset_x, -sin, cos, offset_y)
        return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)

    def place(self, ellipse: lesions.Ellipse) -> lesions.Ellipse:
        """Where an ellipse of the patient lies on the image (0 to 1 both ways)."""
        x, y = ellipse.center[0], ellipse.center[1] - 0.5
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        center = (cos * x - sin * y + 0.5 + self.shift[0], sin * x + cos * y + 0.5 + self.shift[1])
        return lesions.Ellipse(center, ellipse.axes)


@dataclass(frozen=True)
class Radiograph:
    """An image and the reader's ellipses on it."""

    image: Array  #: uint8 ``[size, size]``
    view: str  #: "PA" or "AP"
    #: Ellipses in parts of the image; heart has none unless it is enlarged
    heart: tuple[lesions.Ellipse, ...]
    effusions: tuple[lesions.Ellipse, ...]
    opacities: tuple[lesions.Ellipse, ...]


def draw_radiograph(rng: np.random.Generator, case: PhantomCase, size: int) -> Radiograph:
    """The radiograph of a case. Which of two look-alike classes the opacity has is not looked at."""
    anatomy = draw_anatomy(rng, male=case.male, enlarged_heart=case.enlarged_heart)
    effusions = [lesions.draw_effusion(rng, anatomy, side) for side in case.effusions]
    opacities: Sequence[lesions.Lesion]
    if case.pattern == "bilateral":
        opacities = lesions.draw_haze(rng, anatomy)
    else:
        opacities = lesions.draw_focal(rng, anatomy, case.opacities)
    position = Position(rng.normal(0, 0.025), (rng.normal(0, 0.012), rng.normal(0, 0.012)))

    def read(ellipses: Iterable[lesions.Ellipse]) -> tuple[lesions.Ellipse, ...]:
        return tuple(position.place(ellipse).redrawn(rng) for ellipse in ellipses)

    heart = read([lesions.Ellipse(anatomy.heart_center, anatomy.heart_axes)] if case.enlarged_heart else [])
    read_effusions = read(effusion.ellipse for effusion in effusions)
    read_opacities = read(opacity.ellipse for opacity in opacities)
    density = _density(rng, anatomy, [*effusions, *opacities], size)
    image = _expose(rng, density, anatomy, position)
    return Radiograph(image, anatomy.view, heart, read_effusions, read_opacities)


def _density(rng: np.random.Generator, anatomy: Anatomy, found: Sequence[lesions.Lesion], size: int) -> Floats:
    """Attenuation of everything in the beam, float32 ``[size, size]``."""
    sheet = canvas(size)
    air = thorax.lung_air(sheet, anatomy)
    for finding in found:
        air *= 1 - finding.displaced(sheet, rng)
    density = thorax.soft_tissue(sheet, anatomy, rng)
    vessels = thorax.lung_vessels(sheet, anatomy, rng)
    density -= air * (0.56 - vessels)
    density += 0.4 * thorax.heart_and_vessels(sheet, anatomy)
    density += thorax.spine_and_trachea(sheet, rng)
    density += thorax.ribs(sheet, anatomy, rng)
    density += thorax.shoulder_girdle(sheet, anatomy, rng)
    density -= thorax.stomach_bubble(sheet, anatomy, rng)
    density += 0.015 * clouds(rng, size, 12)
    return density


def _expose(rng: np.random.Generator, density: Floats, anatomy: Anatomy, position: Position) -> Array:
    """The image as the detector gives it: uint8 ``[size, size]``. AP images, taken at the bedside, are flatter."""
    size = len(density)
    portable = anatomy.view == "AP"
    level = rng.uniform(0.56, 0.72) - 0.03 * portable
    latitude = rng.uniform(0.15, 0.2) + 0.05 * portable
    fog, white = rng.uniform(4, 30), rng.uniform(215, 250)
    gray = fog + (white - fog) / (1 + np.exp((level - density) / latitude))
    image = position.crop(Image.fromarray(gray.astype(np.uint8)))
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.0025) * size))
    grain = rng.uniform(1.2, 3.5) * (1.3 if portable else 1.0)
    noisy = np.asarray(image, np.float32) + grain * rng.standard_normal((size, size), dtype=np.float32)
    image = Image.fromarray(np.clip(noisy + 0.5, 0, 255).astype(np.uint8))
    _mark_side(rng, image)
    _collimate(rng, image)
    return np.array(image)


def _mark_side(rng: np.random.Generator, image: Image.Image) -> None:
    """A lead letter L on the patient's left shoulder, in two images of three."""
    if rng.random() < 1 / 3:
        return
    size = image.width
    x, y, height = rng.uniform(0.84, 0.92) * size, rng.uniform(0.04, 0.1) * size, 0.035 * size
    letter = [(x, y), (x, y + height), (x + 0.6 * height, y + height)]
    ImageDraw.Draw(image).line(letter, fill=250, width=max(1, round(0.009 * size)))


def _collimate(rng: np.random.Generator, image: Image.Image) -> None:
    """Black borders where the beam was closed or the image was letterboxed, in one image of three."""
    if rng.random() < 2 / 3:
        return
    size = image.width
    near, far = rng.uniform(0, 0.05, 2) * size
    at_sides = (0, 0, near, size), (size - far, 0, size, size)
    above_and_below = (0, 0, size, near), (0, size - far, size, size)
    for border in at_sides if rng.random() < 0.5 else above_and_below:
        ImageDraw.Draw(image).rectangle(border, fill=0)
