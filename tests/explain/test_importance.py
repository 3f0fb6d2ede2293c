"""Importance over a set: a model wired to one value, a gap that adds up, intervals that know nothing from something."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import ttest_ind
from small_model import fused

import mdfnet
from mdfnet.core.errors import UserError
from mdfnet.core.types import Classes
from mdfnet.explain.importance import ExplainedImages, explain_images, importance

CLASSES = Classes(("Consolidation", "Atelectasis"))


def wired(feature: str) -> mdfnet.Model:
    """A model that looks at one value alone, and at whether it is known."""
    model = fused(schema="mimic-ed")
    at = model.schema.index(feature)
    with torch.no_grad():
        first = model.fusion.encoder.net[0].weight
        keep = torch.zeros(first.shape[1], dtype=torch.bool)
        keep[[at, first.shape[1] - len(model.schema) + at]] = True
        first[:, ~keep] = 0
        model.fusion.encoder.no_record.zero_()
    return model


def test_a_model_wired_to_one_value_needs_that_value_alone(tiny_dataset):
    dataset = tiny_dataset(schema="mimic-ed", names=mdfnet.PAPER_CLASSES.names)
    ticks = []
    told = explain_images(wired("temperature"), dataset.samples[:4], tick=lambda: ticks.append(1))
    idle = [k for k, name in enumerate(told.features) if name != "temperature"]
    known = ~np.isnan([sample.clinical[1] for sample in dataset.samples[:4]])
    assert np.abs(told.values[known, 1]).max() > 1e-3 and np.abs(told.exchanged[known, 1]).max() > 1e-3
    assert not told.exchanged[:, idle].any() and not told.exchanged[~known, 1].any()
    # Of the rest nothing is left but that of an empty record, which is a vector of its own.
    assert np.abs(told.values[:, idle]).max() < np.abs(told.values[:, 1]).max()
    assert told.exact and len(ticks) == 4
    assert np.allclose(told.baseline + told.values.sum(1), told.full)
    marked = [[name in {told.classes.name(int(k)) for k in sample.target.labels} for name in told.classes.names]
              for sample in dataset.samples[:4]]  # fmt: skip
    assert told.annotated.tolist() == marked


def made_up(images: int = 200, seed: int = 0) -> ExplainedImages:
    """Two features: the first adds 0.3 where Consolidation is marked, the second says nothing."""
    random = np.random.default_rng(seed)
    marked = np.zeros((images, 2), bool)
    marked[np.arange(images), random.integers(0, 2, images)] = True
    values = random.normal(0, 0.05, (images, 2, 2))
    values[:, 0, 0] += 0.3 * marked[:, 0]
    baseline = random.uniform(0.2, 0.4, (images, 2)) + 0.1 * marked
    full = baseline + values.sum(1)
    patients = tuple(f"p{k // 2}" for k in range(images))
    return ExplainedImages(
        CLASSES, ("temperature", "pain"), values, values.copy(), baseline, full, marked, patients, True
    )


def test_image_and_effects_add_up_to_the_gap():
    told = importance(made_up(), "Consolidation")
    assert told.image.value + told.effect.value.sum() == pytest.approx(float(told.gap.value))
    assert told.effect.value[0] == pytest.approx(0.3, abs=0.03) and told.image.value == pytest.approx(0.1, abs=0.03)
    assert told.effect.low[0] < told.effect.value[0] < told.effect.high[0]
    assert told.images == 200 and told.positives == int(made_up().annotated[:, 0].sum())
    assert np.allclose(told.size.value, np.abs(made_up().values[:, :, 0]).mean(0))


def test_what_says_nothing_is_seldom_shown():
    shown = [importance(made_up(seed=seed), "Consolidation").effect.shown for seed in range(60)]
    assert all(used for used, _ in shown)
    assert sum(idle for _, idle in shown) <= 8, "5 % of 60 are 3"


def test_intervals_are_those_of_welch_where_images_are_many():
    told = made_up(400)
    one, inside = importance(told, "Consolidation"), told.annotated[:, 0]
    oracle = ttest_ind(told.values[inside, :, 0], told.values[~inside, :, 0], equal_var=False).confidence_interval()
    width = oracle.high - oracle.low
    assert (np.abs(one.effect.low - oracle.low) < 0.1 * width).all()
    assert (np.abs(one.effect.high - oracle.high) < 0.1 * width).all()


def test_against_another_finding_only_images_with_one_of_the_two_count():
    told = made_up(20)
    told.annotated[:4], told.annotated[4] = False, True
    pair = importance(told, "Consolidation", against="Atelectasis")
    assert pair.images == 15 and pair.positives == int(told.annotated[5:, 0].sum())
    half = importance(told, "Consolidation", against="Atelectasis", among=np.arange(20) >= 10)
    assert half.images == 10


@pytest.mark.parametrize(
    ("marked", "images"),
    [pytest.param(True, 20, id="marked everywhere"), pytest.param(False, 20, id="marked nowhere")],
)
def test_without_a_comparison_there_is_no_effect(marked, images):
    told = made_up(images)
    told.annotated[:] = marked
    one = importance(told, "Consolidation")
    assert np.isnan(one.effect.value).all() and np.isnan(one.gap.value) and np.isfinite(one.size.value).all()
    none = importance(told, "Consolidation", against="Atelectasis")
    assert none.images == 0 and np.isnan(none.size.value).all()


def test_bad_input(tiny_dataset):
    with pytest.raises(UserError, match="unknown class 'Consolidaton'; did you mean 'Consolidation'"):
        importance(made_up(), "Consolidaton")
    with pytest.raises(UserError, match="the model looks at images alone: there is no record to explain"):
        explain_images(fused(map=None, vector=None), tiny_dataset().samples)


def test_one_patient_has_nobody_to_exchange_with(tiny_dataset):
    dataset = tiny_dataset(schema="mimic-ed", names=mdfnet.PAPER_CLASSES.names)
    samples = [replace(sample, patient="same") for sample in dataset.samples[:2]]
    assert not explain_images(fused(), samples, orders=2).exchanged.any()
