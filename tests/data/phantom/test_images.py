"""Phantom images: reproducible, annotated where the finding is, and silent about which look-alike it is."""

from collections import Counter
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from PIL import Image

from mdfnet.core.types import PAPER_CLASSES
from mdfnet.data.phantom import PhantomConfig, lesions, phantoms
from mdfnet.data.phantom.anatomy import draw_anatomy
from mdfnet.data.phantom.canvas import canvas
from mdfnet.data.phantom.findings import LOOK_ALIKES, draw_case
from mdfnet.data.phantom.radiograph import Position, draw_radiograph
from mdfnet.data.phantom.thorax import lung_air

CONFIG = PhantomConfig(count=60, size=64, seed=1)


@pytest.fixture(scope="module")
def made():
    return list(phantoms(CONFIG))


def test_same_settings_give_the_same_bytes(made):
    for one, other in zip(made, phantoms(CONFIG), strict=True):
        assert one.image.tobytes() == other.image.tobytes()
        assert one.clinical.tobytes() == other.clinical.tobytes()
        assert one.target.boxes.tobytes() == other.target.boxes.tobytes()
        assert (one.id, one.split, one.view) == (other.id, other.split, other.view)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"count": 5}, id="fewer images"),
        pytest.param({"signal": 0.0}, id="no signal"),
        pytest.param({"missing": 0.9}, id="hardly a vital sign"),
    ],
)
def test_images_and_annotations_depend_on_size_and_seed_alone(made, change):
    for one, other in zip(made[:5], phantoms(CONFIG.model_copy(update=change)), strict=False):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.target.boxes, other.target.boxes)


def test_annotations_scale_with_the_image(made):
    for one, larger in zip(made[:10], phantoms(CONFIG.model_copy(update={"size": 128})), strict=False):
        np.testing.assert_allclose(2 * one.target.boxes, larger.target.boxes, rtol=1e-5)


def test_another_seed_gives_other_images(made):
    other = next(phantoms(CONFIG.model_copy(update={"seed": 2})))
    assert (other.image != made[0].image).mean() > 0.5


@pytest.mark.parametrize("pattern", LOOK_ALIKES)
def test_the_image_does_not_know_which_look_alike_it_shows(pattern):
    rng = np.random.default_rng(0)
    case = next(case for case in (draw_case(rng) for _ in range(100)) if case.pattern == pattern)
    first, second = (
        draw_radiograph(np.random.default_rng(4), replace(case, opacity=name), 64) for name in LOOK_ALIKES[pattern]
    )
    np.testing.assert_array_equal(first.image, second.image)
    assert first.opacities == second.opacities


def test_annotations_are_ellipses_inside_the_image(made):
    for phantom in made:
        assert phantom.image.shape == (64, 64)
        assert phantom.image.dtype == np.uint8
        for box, outline in zip(phantom.target.boxes, phantom.target.polygons, strict=True):
            assert outline.shape == (32, 2)
            np.testing.assert_array_equal(box, [*outline.min(axis=0), *outline.max(axis=0)])
            assert box.min() >= 0
            assert box.max() <= 64
            assert (box[2:] - box[:2]).min() > 2


def test_opacities_have_one_class_and_the_number_of_places_of_their_pattern(made):
    numbers = {"none": {0}, "focal": {1, 2}, "bilateral": {2}}
    others = {PAPER_CLASSES.label("Enlarged cardiac silhouette"), PAPER_CLASSES.label("Pleural abnormality")}
    for phantom in made:
        opacities = [label for label in phantom.target.labels if label not in others]
        allowed = {PAPER_CLASSES.label(name) for name in LOOK_ALIKES.get(phantom.pattern, ())}
        assert len(opacities) in numbers[phantom.pattern]
        assert set(opacities) <= allowed
        assert len(set(opacities)) <= 1


def test_population_has_healthy_images_and_balanced_look_alikes():
    rng = np.random.default_rng(0)
    cases = [draw_case(rng) for _ in range(4000)]
    assert np.mean([not case.findings for case in cases]) == pytest.approx(0.23, abs=0.03)
    for pattern, pair in LOOK_ALIKES.items():
        opacities = Counter(case.opacity for case in cases if case.pattern == pattern)
        assert set(opacities) == set(pair)
        assert opacities[pair[0]] / opacities.total() == pytest.approx(0.5, abs=0.06)


def cardiothoracic_ratio(anatomy):
    """Width of the heart over the inner width of the thorax; above 0.5 the heart is enlarged."""
    return anatomy.heart_axes[0] / anatomy.thorax


@pytest.mark.parametrize("enlarged", [False, True])
def test_a_heart_is_annotated_exactly_when_wider_than_half_the_thorax(enlarged):
    rng = np.random.default_rng(0)
    hearts = [draw_anatomy(rng, male=bool(index % 2), enlarged_heart=enlarged) for index in range(200)]
    assert {heart.view for heart in hearts} == {"PA", "AP"}
    assert all((cardiothoracic_ratio(heart) > 0.5) == enlarged for heart in hearts)


def test_ap_images_magnify_the_heart_and_raise_the_diaphragm():
    rng = np.random.default_rng(0)
    thoraces = [draw_anatomy(rng, male=True, enlarged_heart=False) for _ in range(400)]
    by_view = {view: [thorax for thorax in thoraces if thorax.view == view] for view in ("AP", "PA")}
    ratio, base = (
        {view: np.mean([measure(thorax) for thorax in some]) for view, some in by_view.items()}
        for measure in (cardiothoracic_ratio, lambda thorax: thorax.base)
    )
    assert ratio["AP"] > ratio["PA"] + 0.02
    assert base["AP"] < base["PA"] - 0.03


@pytest.mark.parametrize("angle", [-0.08, 0, 0.08])
def test_annotations_rotate_and_shift_with_the_patient(angle):
    position = Position(angle, (0.03, -0.02))
    sheet = canvas(256)
    dot = 255 * (np.hypot(sheet.x - 0.25, sheet.y - 0.3) < 0.03)
    image = np.asarray(position.crop(Image.fromarray(dot.astype(np.uint8))), np.float64)
    places = (np.arange(256) + 0.5) / 256
    seen = (image.sum(axis=0) @ places / image.sum(), image.sum(axis=1) @ places / image.sum())
    assert position.place(lesions.Ellipse((0.25, 0.3), (0.03, 0.03))).center == pytest.approx(seen, abs=0.002)


def draw_one(kind, rng, anatomy):
    if kind == "haze":
        return lesions.draw_haze(rng, anatomy)[0]
    if kind == "effusion":
        return lesions.draw_effusion(rng, anatomy, side=1)
    return next(found for found in iter(lambda: lesions.draw_focal(rng, anatomy, 1)[0], None) if found.form == kind)


@pytest.mark.parametrize("kind", [*lesions.FORMS, "haze", "effusion"])
def test_ellipses_hold_the_air_that_findings_displace(kind):
    sheet, rng = canvas(128), np.random.default_rng(0)
    for _ in range(20):
        anatomy = draw_anatomy(rng, male=True, enlarged_heart=False)
        finding = draw_one(kind, rng, anatomy)
        lost = finding.displaced(sheet, rng) * lung_air(sheet, anatomy)
        (x, y), (half_width, half_height) = finding.ellipse.center, finding.ellipse.axes
        boxed = (np.abs(sheet.x - x) <= half_width) & (np.abs(sheet.y - y) <= half_height)
        assert lost.sum() > 20
        assert lost[boxed].sum() / lost.sum() > 0.75
        assert lost[boxed].mean() > 3 * lost[~boxed].mean()


def test_lungs_are_darker_than_abdomen_and_heart_on_images_without_findings():
    healthy = (phantom for phantom in phantoms(CONFIG.model_copy(update={"size": 128})) if not len(phantom.target))
    for phantom in islice(healthy, 10):
        lungs = phantom.image[45:65][:, [*range(25, 40), *range(88, 103)]].mean()
        abdomen = phantom.image[112:120, 30:98].mean()
        middle = phantom.image[70:90, 60:72].mean()
        assert lungs + 30 < min(abdomen, middle)


@pytest.mark.parametrize("fractions", [(0.7, 0.15, 0.15), (0.5, 0.25, 0.25), (1.0, 0.0, 0.0)], ids=str)
def test_splits_have_their_fractions(fractions):
    made = phantoms(CONFIG.model_copy(update={"count": 100, "splits": fractions}))
    numbers = Counter(phantom.split for phantom in made)
    assert [numbers[name] for name in ("train", "val", "test")] == pytest.approx(np.multiply(fractions, 100), abs=2)
