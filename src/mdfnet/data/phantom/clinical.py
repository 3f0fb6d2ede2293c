"""The vital signs of a phantom patient: one table, the record drawn from it, and the exact posterior given the record.

A number is normal around ``mean + signal * (sum of the shifts of the patient's findings)``, clipped to its range and
rounded as a nurse would. Within a pair of look-alikes only the features named in :func:`distinguishing` differ.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mdfnet.clinical.schema import Schema
from mdfnet.core.arrays import Floats
from mdfnet.core.errors import UserError, nearest
from mdfnet.core.types import PAPER_CLASSES
from mdfnet.data.phantom.config import PhantomConfig
from mdfnet.data.phantom.findings import LOOK_ALIKES, PhantomCase

#: What phantom records are: ten features, in this order and these units.
SCHEMA = Schema.load("mimic-ed")


class Baseline(NamedTuple):
    """How a number is distributed without a finding, in the schema's unit; ``step`` is what it is rounded to."""

    mean: float
    sd: float
    low: float
    high: float
    step: float


#: Chosen so that the means over all phantoms come near those of the paper's 670 readings at any signal: age 66.3 a,
#: temperature 98.1 degF, heartrate 85.7 /min, resprate 18.5 /min, o2sat 97.6 %, sbp 132.3 and dbp 72.4 mm[Hg],
#: pain 4.1, acuity 2.2 (authors' code, build notebook). The spreads follow the quartiles it shows.
BASELINES = {
    "age": Baseline(64.5, 17.0, 18, 97, 1),
    "temperature": Baseline(36.6, 0.38, 34.0, 41.5, 0.1),
    "heartrate": Baseline(84.0, 14.0, 30, 200, 1),
    "resprate": Baseline(18.2, 2.4, 8, 50, 1),
    "o2sat": Baseline(98.0, 1.7, 70, 100, 1),
    "sbp": Baseline(132.5, 24.0, 60, 240, 1),
    "dbp": Baseline(72.8, 14.0, 30, 140, 1),
    "pain": Baseline(4.0, 3.2, 0, 10, 1),
    "acuity": Baseline(2.2, 0.65, 1, 5, 1),
}

#: Shift of the mean at signal 1. The signs follow the paper: fever tells consolidation from atelectasis, heart and
#: respiratory rate tell edema from multifocal consolidation; the rest are mild and the same for both of a pair.
SHIFTS = {
    "Enlarged cardiac silhouette": {"age": 6.0, "sbp": 3.0},
    "Pleural abnormality": {"age": 3.0, "o2sat": -0.4, "sbp": -4.0, "dbp": -3.0},
    ("focal", "Consolidation"): {"age": 1.0, "o2sat": -0.6, "temperature": +1.3},
    ("focal", "Atelectasis"): {"age": 1.0, "o2sat": -0.6, "temperature": -0.3},
    ("bilateral", "Pulmonary edema"): {"age": 2.0, "o2sat": -1.0, "acuity": -0.3, "heartrate": +32.0, "resprate": +6.0},
    ("bilateral", "Consolidation"): {"age": 2.0, "o2sat": -1.0, "acuity": -0.3, "heartrate": -10.0, "resprate": -1.2},
}

#: Features that are always known; every other one is missing with the configured probability.
NEVER_MISSING = ("age", "gender")


def draw_record(rng: np.random.Generator, case: PhantomCase, config: PhantomConfig) -> Floats:
    """A patient's record, float32 ``[10]`` in the order of `SCHEMA`: NaN where missing, gender 0 for F and 1 for M."""
    values = []
    for name, baseline in BASELINES.items():
        shift = sum(_shifts(case.pattern, finding).get(name, 0.0) for finding in case.findings)
        value = rng.normal(baseline.mean + config.signal * shift, baseline.sd)
        value = round(min(max(value, baseline.low), baseline.high) / baseline.step) * baseline.step
        missing = rng.random() < config.missing
        values.append(np.nan if missing and name not in NEVER_MISSING else value)
    return np.array([*values, float(case.male)], np.float32)


def distinguishing(pattern: str) -> tuple[str, ...]:
    """Features that tell the two look-alikes of a pattern apart; at signal 0 they do not.

    Examples:
        >>> distinguishing("focal"), distinguishing("bilateral")
        (('temperature',), ('heartrate', 'resprate'))
    """
    first, second = (_shifts(pattern, name) for name in LOOK_ALIKES[_known(pattern)])
    return tuple(name for name in BASELINES if first.get(name) != second.get(name))


def class_probabilities(clinical: Floats, pattern: str, config: PhantomConfig) -> Floats:
    """P(class of the opacity | record, pattern), exact under the generative model: the ceiling of any classifier.

    An image shows the pattern and says nothing about which of its two classes it is, so this is also the posterior
    given image and record. Missing values are left out, which is exact because being missing depends on nothing.

    Args:
        clinical: ``[..., 10]`` records, NaN = missing.
        pattern: "focal" or "bilateral".
        config: What the records were made with; only ``signal`` counts.

    Returns:
        float64 ``[..., 5]`` in the order of :data:`mdfnet.core.types.PAPER_CLASSES`, summing to 1; classes outside of
        the pair have 0.

    Raises:
        UserError: There is no such pattern, or a record has not ten features.

    Examples:
        >>> feverish = np.full(10, np.nan)
        >>> feverish[SCHEMA.index("temperature")] = 38.4
        >>> class_probabilities(feverish, "focal", PhantomConfig(signal=1)).round(3)
        array([0., 0., 0., 1., 0.])
        >>> class_probabilities(feverish, "bilateral", PhantomConfig(signal=1))
        array([0. , 0. , 0. , 0.5, 0.5])
    """
    from scipy.special import expit

    clinical = np.asarray(clinical, np.float64)
    if clinical.shape[-1:] != (len(SCHEMA),):
        raise UserError(f"a record has {len(SCHEMA)} features, got an array of shape {clinical.shape}")
    pair = LOOK_ALIKES[_known(pattern)]
    likelihoods = [np.zeros(clinical.shape[:-1]), np.zeros(clinical.shape[:-1])]
    for name in distinguishing(pattern):
        for likelihood, finding in zip(likelihoods, pair, strict=True):
            shift = config.signal * _shifts(pattern, finding).get(name, 0.0)
            likelihood += _log_likelihood(clinical[..., SCHEMA.index(name)], BASELINES[name], shift)
    first = expit(likelihoods[0] - likelihoods[1])
    probabilities = np.zeros((*clinical.shape[:-1], len(PAPER_CLASSES)))
    probabilities[..., PAPER_CLASSES.label(pair[0]) - 1] = first
    probabilities[..., PAPER_CLASSES.label(pair[1]) - 1] = 1 - first
    return probabilities


def _known(pattern: str) -> str:
    if pattern not in LOOK_ALIKES:
        raise UserError(f"no opacity pattern {pattern!r}", fix=nearest(pattern, LOOK_ALIKES))
    return pattern


def _shifts(pattern: str, finding: str) -> dict[str, float]:
    """Row of the table for a finding of a patient with this pattern."""
    return SHIFTS[finding] if finding in SHIFTS else SHIFTS[pattern, finding]


def _log_likelihood(values: Floats, baseline: Baseline, shift: float) -> Floats:
    """Log probability of rounded and clipped values; 0 where missing."""
    from scipy.special import ndtr

    mean, half = baseline.mean + shift, baseline.step / 2
    values = np.clip(values, baseline.low, baseline.high)
    below = np.where(values - half < baseline.low, -np.inf, (values - half - mean) / baseline.sd)
    above = np.where(values + half > baseline.high, np.inf, (values + half - mean) / baseline.sd)
    upper_tail = below > 0  # where the difference of two numbers near 1 would lose its digits
    below, above = np.where(upper_tail, -above, below), np.where(upper_tail, -below, above)
    mass = ndtr(above) - ndtr(below)
    return np.where(np.isnan(values), 0.0, np.log(np.where(np.isnan(values), 1.0, mass)))
