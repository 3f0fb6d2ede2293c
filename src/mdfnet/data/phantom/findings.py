"""How often which findings occur together: the part of the generative model that comes before image and record."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Share of patients with each opacity process; a patient has at most one.
PATTERNS = {"none": 0.40, "focal": 0.36, "bilateral": 0.24}

#: The two findings that look alike in each process, equally frequent. Which one it is can only be read off the record.
LOOK_ALIKES = {
    "focal": ("Consolidation", "Atelectasis"),
    "bilateral": ("Pulmonary edema", "Consolidation"),
}

#: Share of patients with the findings that need no record, independent of the opacity and of each other. The paper's
#: images have 23 and 21 %; with these, 23 % of the phantoms have no finding.
ENLARGED_HEART = 0.24
EFFUSION = 0.24

#: Share of effusions on both sides, and of focal processes in two places.
EFFUSION_BOTH_SIDES = 0.2
TWO_FOCAL_OPACITIES = 0.35

#: Share of men among the paper's 670 readings (45.5 %; authors' code, data analysis notebook).
MALE = 0.455


@dataclass(frozen=True)
class PhantomCase:
    """What is wrong with one patient."""

    male: bool
    pattern: str  #: "none", "focal" or "bilateral"
    opacity: str | None  #: Class of the opacity, or None
    opacities: int  #: How many places it takes: 0, 1 or 2
    enlarged_heart: bool  #: Whether the heart is wider than half the thorax
    effusions: tuple[int, ...]  #: Sides with an effusion: -1 the patient's right, +1 the left

    @property
    def findings(self) -> tuple[str, ...]:
        """Names of all findings."""
        named = {"Enlarged cardiac silhouette": self.enlarged_heart, "Pleural abnormality": bool(self.effusions)}
        return tuple(name for name, there in named.items() if there) + ((self.opacity,) if self.opacity else ())


def draw_case(rng: np.random.Generator) -> PhantomCase:
    """A random patient of the phantom population."""
    pattern = str(rng.choice(list(PATTERNS), p=list(PATTERNS.values())))
    opacity = str(rng.choice(LOOK_ALIKES[pattern])) if pattern in LOOK_ALIKES else None
    opacities = {"none": 0, "focal": 1 + (rng.random() < TWO_FOCAL_OPACITIES), "bilateral": 2}[pattern]
    effusions: tuple[int, ...] = ()
    if rng.random() < EFFUSION:
        effusions = (-1, 1) if rng.random() < EFFUSION_BOTH_SIDES else (int(rng.choice([-1, 1])),)
    return PhantomCase(
        male=bool(rng.random() < MALE),
        pattern=pattern,
        opacity=opacity,
        opacities=int(opacities),
        enlarged_heart=bool(rng.random() < ENLARGED_HEART),
        effusions=effusions,
    )
