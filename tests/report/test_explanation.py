"""Pages of explanations: whole in themselves, true to their numbers, and escaped."""

import csv
import json
import re

import numpy as np
import pytest
import torch
from small_model import IMAGE, RECORDS, fused

from mdfnet.core.types import Classes
from mdfnet.explain.case import explain_case, largest
from mdfnet.explain.importance import Estimate, Importance
from mdfnet.explain.reliance import Reliance
from mdfnet.report.explanation import in_words, write_case_page
from mdfnet.report.explanation_plots import importance_bars, waterfall
from mdfnet.report.importance import alarms_in_words, verdict, write_set_files, write_set_page
from mdfnet.report.record import describe
from mdfnet.report.style import on_page

NOTICE = "Research use only. Not a medical device."
CLASSES = Classes(("Consolidation", "Atelectasis <b>"))


@pytest.fixture(scope="module")
def case():
    model = fused(detections=3)
    image = (IMAGE[0][0].numpy() * 255).astype(np.uint8)
    return model, explain_case(model, image, RECORDS[2], score=0.0, orders=4)


def assert_whole(text: str) -> None:
    """A page that asks for nothing else, and says what it is."""
    assert re.findall(r'(?:src|href)="(?!data:|#)', text) == [] and "<script" not in text and "@import" not in text
    assert text.count(NOTICE) >= 2
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))


def test_the_page_of_an_image(case, tmp_path):
    model, told = case
    facts = {"command": "mdfnet explain <x>"}
    write_case_page(tmp_path / "page.html", "image <1>", told, model.classes, model.schema, facts=facts)
    text = (tmp_path / "page.html").read_text()
    assert_whole(text)
    assert "image &lt;1&gt;" in text and "mdfnet explain &lt;x&gt;" in text and "<x>" not in text
    for label, score in zip(told.boxes.labels, told.boxes.scores, strict=True):
        assert f"{model.classes.name(int(label))} {float(score):.2f}</h2>" in text
    pictures = 2 + 2 * len(told.boxes)
    assert text.count("data:image/jpeg") == pictures and text.count("<svg") == 2 * len(told.boxes)
    assert "keep this page where the image may be kept" in text and "What values the training images had is not" in text


def test_synthetic_data_are_called_so(case, tmp_path):
    model, told = case
    made = ("images", "clinical")
    write_case_page(tmp_path / "page.html", "x", told, model.classes, model.schema, synthetic=made)
    assert "Synthetic: images, clinical records" in (tmp_path / "page.html").read_text()


def test_what_is_explained(case):
    model, told = case
    assert 0 < len(told.boxes) <= 3 and torch.equal(told.boxes.scores, told.found.scores[: len(told.boxes)])
    assert np.allclose(told.contributions.full, told.boxes.scores, atol=1e-5)
    names = {model.schema.names[k] for box in range(len(told.boxes)) for k in largest(told.contributions, box, 3)}
    assert set(told.curves) == names and "temperature" not in names, "that value is missing"


def test_the_words_are_of_the_box_that_the_record_does_most_to(case):
    model, told = case
    words = in_words(told, model.classes, dict(describe(model.schema, told.record.tolist())))
    most = int(np.argmax(np.abs(told.contributions.values).max(0)))
    name = model.classes.name(int(told.boxes.labels[most]))
    assert words.startswith(
        f"{name}: the model scores this box {told.contributions.full[most]:.2f} with the record and "
    )
    none = explain_case(model, told.image, RECORDS[2], score=0.999, orders=2)
    assert in_words(none, model.classes, {}).startswith("With this record, no box of the model reaches")


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        pytest.param([0.3, -0.05], ["+0.30", "−0.05", "0.50", "0.75"], id="up and down"),
        pytest.param([0.001], ["±0", "0.50"], id="next to nothing"),
        pytest.param([], ["without a record", "with the record"], id="no value known"),
    ],
)
def test_a_waterfall_says_its_numbers(values, texts):
    plot = on_page(waterfall([f"value {k}" for k in range(len(values))], values, 0.5, name="w"))
    assert [text for text in texts if f">{text}<" not in plot] == []


def estimate(*values) -> Estimate:
    middle = np.array(values, float)
    return Estimate(middle, middle - 0.1, middle + 0.1)


def importance(**changes) -> Importance:
    parts = {"size": estimate(0.3, 0.02), "effect": estimate(0.5, 0.03), "discrimination": estimate(0.4, 0.01)}
    ends = {name: Estimate(*(np.array(v) for v in (0.7, 0.6, 0.8))) for name in ("image", "gap")}
    return Importance(**{"finding": "Consolidation", "images": 40, "positives": 12, **parts, **ends, **changes})


def relied(**changes) -> Reliance:
    ap = np.array([[0.9, 0.7, 0.8], [0.5, 0.5, 0.5], [0.6, 0.4, 0.5], [0.0, np.nan, 0.0]])
    gain, kept = ap[:1] - ap[1:], np.array([0.3, np.nan, 0.25])
    given = {"ap": ap, "auroc": ap, "ap_gain": gain, "kept": kept}
    parts = {name: Estimate(value, value - 0.1, value + 0.1) for name, value in given.items()}
    return Reliance(**{"classes": CLASSES, "images": 40, "patients": 30, "reaction": np.array([0.2, 0.1]), "alarms": {},
                       **parts, **changes})  # fmt: skip


def test_the_verdict_has_its_intervals():
    assert verdict(relied()) == (
        "With each patient's own record the mean AP is 0.80; with another patient's record 0.50, a difference of "
        "−0.40 to −0.20; without a record 0.50, a difference of −0.40 to −0.20. 25% (15% to 35%) of what the "
        "image-level AUROC has above chance is left without the image."
    )
    nothing = np.zeros((3, 3))
    told = relied(ap_gain=Estimate(nothing, nothing - 0.1, nothing + 0.1))
    assert "a difference that is not shown (−0.10 to +0.10)" in verdict(told)


def test_alarms_name_their_findings():
    told = relied(alarms={"misled": (), "record-alone": ("Consolidation", "Edema")})
    assert alarms_in_words(told) == [
        "the model follows the record without being better for it on these images",
        "the model leans on the record alone: with the image blanked out it knows nearly as much: Consolidation and "
        "Edema",
    ]


def test_the_page_of_a_set(tmp_path):
    features = ("temperature", "pain <i>")
    write_set_page(tmp_path / "page.html", "run on x", [importance()], relied(), features)
    text = (tmp_path / "page.html").read_text()
    assert_whole(text)
    assert "No alarm" in text and "Atelectasis &lt;b&gt;" in text and "<i>" not in text
    assert "Shown to discriminate: temperature (0.40 (0.30 to 0.50))." in text
    write_set_page(tmp_path / "page.html", "x", [], relied(alarms={"misled": ()}), features)
    text = (tmp_path / "page.html").read_text()
    assert "No alarm" not in text and "The model follows the record without being better for it" in text


def test_the_files_of_a_set_hold_the_numbers(tmp_path):
    write_set_files(tmp_path, [importance()], relied(), ("temperature", "pain"))
    rows = list(csv.DictReader((tmp_path / "importance.csv").open()))
    assert [row["feature"] for row in rows] == ["temperature", "pain"]
    assert float(rows[0]["effect_low"]) == pytest.approx(0.4) and rows[1]["positives"] == "12"
    content = json.loads((tmp_path / "explanation.json").read_text())
    assert content["reliance"]["ap"]["value"][3] == [0.0, None, 0.0] and content["notice"] == NOTICE
    assert content["importance"][0]["discrimination"]["high"] == pytest.approx([0.5, 0.11])


def test_nothing_to_compare_is_drawn_all_the_same():
    nothing = Estimate(*(np.full(2, np.nan),) * 3)
    bars = importance_bars(("a", "b"), importance(effect=nothing, discrimination=nothing), name="i")
    assert on_page(bars).startswith("<svg")
