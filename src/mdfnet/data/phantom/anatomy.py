"""The patient behind an image: where the organs lie, in parts of the image's side.

Coordinates are those of the patient as the image shows them: x = 0 is the midline and grows towards the patient's left
(the right of the image), y = 0 is the upper edge of the image and y = 1 the lower one. Lengths are parts of the side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mdfnet.core.arrays import Floats


@dataclass(frozen=True)
class Anatomy:
    """Shape of one thorax."""

    male: bool  #: Men have broader shoulders and no breast shadows
    view: str  #: "PA" or "AP"
    habitus: float  #: Thickness of soft tissue, 0.8 (thin) to 1.3 (obese), 1 on average
    thorax: float  #: Inner half width of the rib cage at its widest
    apex: float  #: Height of the lung apices
    base: float  #: Height of the costophrenic angles
    domes: tuple[float, float]  #: Height of the right and the left diaphragm dome at its top
    heart_center: tuple[float, float]  #: Center of the heart (x, y)
    heart_axes: tuple[float, float]  #: Half width and half height of the heart
    rib_spacing: float  #: Distance from rib to rib

    def lateral(self, y: Floats) -> Floats:
        """Distance of the lung's outer border from the midline at heights ``y``."""
        depth = np.clip((y - self.apex) / (self.base - self.apex), 0, 1)
        border: Floats = self.thorax * np.sqrt(1 - (1 - depth) ** 3.4)
        return border

    def medial(self, y: Floats) -> Floats:
        """Distance of the lung's inner border from the midline at heights ``y``."""
        depth: Floats = np.clip((y - self.apex) / (self.base - self.apex), 0, 1)
        return 0.03 + 0.1 * (1 - depth) ** 6

    def diaphragm(self, x: Floats) -> Floats:
        """Height of the diaphragm over ``x``: a dome on each side that falls to the costophrenic angle."""
        top = np.where(x < 0, self.domes[0], self.domes[1])
        along = np.clip(np.abs(np.abs(x) / self.thorax - 0.42) / 0.58, 0, 1)
        return top + (self.base - top) * along**2.4


def draw_anatomy(rng: np.random.Generator, *, male: bool, enlarged_heart: bool) -> Anatomy:
    """A random thorax; its heart is wider than half the thorax exactly if ``enlarged_heart``.

    An AP image (two in five) shows a magnified heart and, taken lying or sitting, a higher diaphragm.
    """
    view = "AP" if rng.random() < 0.4 else "PA"
    anteroposterior = view == "AP"
    thorax = rng.uniform(0.35, 0.41) + (0.01 if male else -0.01)
    base = rng.uniform(0.80, 0.90) - 0.06 * anteroposterior
    dome = base - rng.uniform(0.08, 0.13)
    domes = (dome - rng.uniform(0.0, 0.03), dome + rng.uniform(0.0, 0.03))
    ratio = rng.uniform(0.56, 0.68) if enlarged_heart else rng.uniform(0.38, 0.46) + 0.03 * anteroposterior
    half_width = ratio * thorax
    half_height = rng.uniform(0.125, 0.14) + 0.4 * (half_width - 0.16)
    center = (rng.uniform(0.22, 0.34) * half_width, domes[1] + 0.035 - half_height)
    return Anatomy(
        male=male,
        view=view,
        habitus=float(np.clip(rng.normal(1.0, 0.12), 0.8, 1.3)),
        thorax=thorax,
        apex=rng.uniform(0.07, 0.13),
        base=base,
        domes=domes,
        heart_center=center,
        heart_axes=(half_width, half_height),
        rib_spacing=rng.uniform(0.066, 0.078),
    )
