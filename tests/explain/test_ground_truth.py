"""Explanations of a model trained on phantoms find what the generative model used, and no fault with its fusion."""

import numpy as np
import pytest
import torch
from PIL import Image

from mdfnet.core.types import Sample
from mdfnet.data.phantom import PhantomConfig, phantoms
from mdfnet.data.phantom.clinical import distinguishing
from mdfnet.data.phantom.findings import LOOK_ALIKES
from mdfnet.explain.importance import explain_images, importance
from mdfnet.explain.reliance import reliance
from mdfnet.models.card import DEMO_MODEL
from mdfnet.models.load import load

#: Images of each look-alike; none that the model was trained on.
EACH = 6


@pytest.fixture(scope="module")
def model():
    return load(DEMO_MODEL).eval()


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder, counts, chosen = tmp_path_factory.mktemp("phantoms"), {}, []
    for one in phantoms(PhantomConfig(count=400, size=160, seed=91, missing=0.0)):
        kind = one.pattern, frozenset(one.target.labels.tolist()) & {2, 4, 5}
        counts[kind] = counts.get(kind, 0) + 1
        if one.pattern == "none" or counts[kind] > EACH:
            continue
        Image.fromarray(one.image).save(folder / f"{one.id}.png")
        chosen.append(Sample(one.id, folder / f"{one.id}.png", 160, 160, one.target, one.clinical, split="test"))
        if len(chosen) == 4 * EACH:
            break
    return chosen


def test_what_tells_look_alikes_apart_comes_first(model, samples):
    told = explain_images(model, samples, orders=8)
    for pattern, pair in LOOK_ALIKES.items():
        for finding, other in (pair, pair[::-1]):
            one = importance(told, finding, against=other)
            for part in (one.effect, one.discrimination):
                assert told.features[int(np.argmax(part.value))] in distinguishing(pattern), (finding, other)


def test_fusion_that_works_is_neither_deaf_nor_misled(model, samples):
    told = reliance(model, samples, shuffles=1)
    assert told.ap_gain.low[0, -1] > 0 and told.ap_gain.low[1, -1] > 0
    # Every image here has an opacity, and vital signs tell which: of edema they know nearly all without the image.
    assert told.alarms.keys() <= {"record-alone"}


def test_ignoring_the_record_raises_the_alarm(model, samples):
    deaf = load(DEMO_MODEL).eval()
    with torch.no_grad():
        for part in (*deaf.fusion.maps.values(), *deaf.fusion.vectors.values()):
            for parameter in part.parameters():
                parameter.zero_()
    assert "learnt-nothing" in reliance(deaf, samples[::4], shuffles=1).alarms
