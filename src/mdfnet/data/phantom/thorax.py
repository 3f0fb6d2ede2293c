"""How much each organ attenuates the beam: the healthy thorax, painted part by part.

Density is relative to the thickest part of an average trunk (1); air in the lung is what is taken away from it.
"""

from __future__ import annotations

from math import cos, sin

import numpy as np

from mdfnet.core.arrays import Floats
from mdfnet.data.phantom.anatomy import Anatomy
from mdfnet.data.phantom.canvas import Canvas, Point, Stroke, clip01, ramp


def soft_tissue(canvas: Canvas, anatomy: Anatomy, rng: np.random.Generator) -> Floats:
    """Neck, shoulders, trunk and, in women, breasts."""
    shoulder = (0.57 if anatomy.male else 0.52) + rng.uniform(-0.03, 0.08)
    trunk = anatomy.thorax + rng.uniform(0.06, 0.1) + 0.2 * (anatomy.habitus - 0.8)
    heights = [-0.06, 0.0, 0.05, 0.13, 0.28, 0.42, 0.6, 1.06]
    half_widths = [0.12, 0.13, 0.3, shoulder, shoulder, 0.5 * (trunk + shoulder), trunk, trunk + 0.02]
    half_width = np.interp(canvas.y, heights, half_widths).astype(np.float32)
    across = np.minimum((canvas.x / half_width) ** 2, 1)
    thickness = np.interp(canvas.y, [0, 0.2, 0.6, 1], [0.62, 0.85, 0.95, 1.08]).astype(np.float32)
    density: Floats = anatomy.habitus**0.5 * thickness * np.sqrt(1 - across**2)
    if not anatomy.male:
        density += breasts(canvas, anatomy, rng)
    return density


def breasts(canvas: Canvas, anatomy: Anatomy, rng: np.random.Generator) -> Floats:
    """Two shadows over the lower lungs that thicken downwards and end at the fold below."""
    radius = rng.uniform(0.12, 0.16) * anatomy.habitus**0.5
    height = rng.uniform(0.60, 0.68)
    over = (np.abs(canvas.x) - 0.6 * anatomy.thorax) / radius
    down = (canvas.y - height) / (0.95 * radius)
    return rng.uniform(0.14, 0.34) * ramp(1 - over**2 - down**2, 0.35) * clip01(0.55 + 0.45 * down)


def lung_air(canvas: Canvas, anatomy: Anatomy) -> Floats:
    """Where there is air: 1 in the middle of a lung, 0 outside, between rib cage, mediastinum and diaphragm."""
    away = np.abs(canvas.x)
    lateral = anatomy.lateral(canvas.y).astype(np.float32)
    medial = anatomy.medial(canvas.y).astype(np.float32)
    diaphragm = anatomy.diaphragm(canvas.x).astype(np.float32)
    air = ramp(lateral - away, 0.07)
    air *= ramp(away - medial, 0.05)
    air *= ramp(diaphragm - canvas.y, 0.018)
    return air


def heart_and_vessels(canvas: Canvas, anatomy: Anatomy) -> Floats:
    """Heart, great vessels and aortic knob: the central shadow, between its left and its right border."""
    x, y = canvas.x, canvas.y
    (center, middle), (half_width, half_height) = anatomy.heart_center, anatomy.heart_axes
    down = (y - middle) / half_height
    stem = np.interp(y, [0, 0.2, 0.4, 1], [0.035, 0.045, 0.05, 0.045])
    knob = 0.032 * np.exp(-(((y - anatomy.apex - 0.2) / 0.032) ** 2))
    ventricle = (center + half_width) * _bulge(down, widest=0.4, above=1.5, below=0.9)
    atrium = (half_width - center) * _bulge(down, widest=0.15, above=1.1, below=1.3)
    left = _outer(stem + knob, ventricle).astype(np.float32)
    right = _outer(stem, atrium).astype(np.float32)
    depth = np.interp(down, [-3, -1, 0, 0.6, 1.3], [0.5, 0.62, 1, 0.9, 0.3]).astype(np.float32)
    return depth * ramp(np.where(x > 0, left - x, right + x), 0.045)


def _bulge(down: Floats, *, widest: float, above: float, below: float) -> Floats:
    """A border that swells to 1 at height ``widest`` and falls off over the distances ``above`` and ``below`` it."""
    distance = (down - widest) / np.where(down < widest, above, below)
    return clip01(1 - distance**2) ** np.where(down < widest, 1.0, 0.5)


def _outer(first: Floats, second: Floats) -> Floats:
    """The outer one of two borders, rounded where they cross."""
    return 0.5 * (first + second + np.sqrt((first - second) ** 2 + 0.018**2)) - 0.004


def spine_and_trachea(canvas: Canvas, rng: np.random.Generator) -> Floats:
    """The vertebral column, its discs, and the dark band of the trachea down to the carina."""
    x, y = canvas.x, canvas.y
    pitch = rng.uniform(0.042, 0.05)
    phase = y / pitch + rng.random()
    discs = 1 - 0.35 * (np.abs(phase - np.floor(phase) - 0.5) > 0.38)
    column = 0.09 * ramp(0.034 - np.abs(x), 0.012) * discs.astype(np.float32)
    trachea = ramp(0.018 - np.abs(x + 0.004), 0.012) * ramp(0.34 - y, 0.06)
    return column - 0.16 * trachea


def ribs(canvas: Canvas, anatomy: Anatomy, rng: np.random.Generator) -> Floats:
    """All ribs at once: posterior ones fall outwards, anterior ones fall inwards and fade into cartilage."""
    away = np.abs(canvas.x) / anatomy.thorax
    spacing = anatomy.rib_spacing
    inside = ramp(anatomy.lateral(canvas.y).astype(np.float32) + 0.02 - np.abs(canvas.x), 0.02)
    inside *= np.clip(1 - (canvas.y - anatomy.base + 0.05) * 5, 0.25, 1)
    offset = rng.random()
    posterior = _rib_profile(canvas.y / spacing - (0.15 * away + rng.uniform(1.5, 2.2) * away**3) + offset, 0.56)
    anterior = _rib_profile(canvas.y / spacing + rng.uniform(2.6, 3.4) * away - 0.7 * away**2 + offset + 0.4, 0.66)
    posterior *= clip01(1.25 - 0.35 * away)
    anterior *= clip01((away - 0.35) * 3) * clip01((canvas.y - anatomy.apex - 0.04) * 8)
    return inside * (0.1 * posterior + 0.06 * anterior)


def _rib_profile(phase: Floats, width: float) -> Floats:
    """Density across evenly spaced ribs: ``width`` of the pitch is bone, denser at its two edges."""
    distance: Floats = 2 * np.abs(phase - np.floor(phase) - 0.5)
    return clip01((width - distance) * 8) * (0.55 + 0.45 * distance / width)


def shoulder_girdle(canvas: Canvas, anatomy: Anatomy, rng: np.random.Generator) -> Floats:
    """Clavicles, shoulder blades (over the lung on AP images) and upper arms."""
    strokes: list[Stroke] = []
    inward = 0.06 if anatomy.view == "AP" else 0.0
    for side in (-1, 1):
        tilt = rng.uniform(-0.03, 0.03)
        top = anatomy.apex + rng.uniform(0.01, 0.05)
        clavicle = [(0.035, top + 0.055), (0.11, top + 0.045), (0.2, top + 0.02 + tilt), (0.31, top - 0.01 + tilt)]
        strokes.append(([(side * x, y) for x, y in clavicle], 0.022, 0.75))
        blade = [(0.31, 0.17), (0.40, 0.13), (0.44, 0.21), (0.40, 0.36), (0.365, 0.47), (0.335, 0.33)]
        strokes.insert(0, ([(side * (x - inward), y + tilt) for x, y in blade], 0, 0.3))
        arm = [(0.42, 0.17), (0.48, 0.26), (0.54, 0.45)]
        strokes.append(([(side * x, y + tilt) for x, y in arm], 0.06, 0.7))
    return 0.17 * canvas.sketch(strokes, blur=0.004)


def lung_vessels(canvas: Canvas, anatomy: Anatomy, rng: np.random.Generator) -> Floats:
    """Hila and the vessels that branch from them, thinning towards the pleura."""
    strokes: list[Stroke] = []
    for side in (-1, 1):
        x, y = side * 0.075, 0.42 + 0.02 * (side < 0)
        strokes.append(([(x, y - 0.035), (x, y), (x + side * 0.012, y + 0.05)], 0.035, 0.8))
        for angle in np.linspace(-1.15, 1.4, 7).tolist():
            root = (x + rng.normal(0, 0.02), y + rng.normal(0, 0.02))
            strokes += _branches(rng, root, angle + rng.normal(0, 0.15), side, rng.uniform(0.07, 0.11), 0.011)
    return 0.18 * canvas.sketch(strokes, blur=0.0035)


def _branches(
    rng: np.random.Generator, start: Point, angle: float, side: int, length: float, width: float
) -> list[Stroke]:
    """One vessel, bent once, and those it splits into, until they are too thin to see."""
    bend = angle + rng.normal(0, 0.35)
    middle = (start[0] + 0.5 * length * side * cos(angle), start[1] + 0.5 * length * sin(angle))
    end = (middle[0] + 0.5 * length * side * cos(bend), middle[1] + 0.5 * length * sin(bend))
    strokes: list[Stroke] = [([start, middle, end], width, 0.2 + 50 * width)]
    if width > 0.006:
        for turn in (-0.4, 0.4):
            strokes += _branches(rng, end, bend + turn, side, 0.85 * length, 0.62 * width)
    return strokes


def stomach_bubble(canvas: Canvas, anatomy: Anatomy, rng: np.random.Generator) -> Floats | np.float32:
    """Air under the left dome, flat below as in someone standing; in about half of the images."""
    if rng.random() < 0.5:
        return np.float32(0)
    center, width, height = rng.uniform(0.12, 0.2), rng.uniform(0.05, 0.09), rng.uniform(0.025, 0.05)
    top = anatomy.domes[1] + 0.03
    over, down = (canvas.x - center) / width, (canvas.y - top - height) / height
    return rng.uniform(0.15, 0.4) * ramp(1 - over**2 - down**2, 0.4) * (down < 0.5)
