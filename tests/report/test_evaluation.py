"""The report: one file, nothing from outside, escaped, accessible, and it says what it must."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mdfnet.core.errors import UserError
from mdfnet.core.types import Classes, Detections, Sample, Target
from mdfnet.evaluation.score import Scored
from mdfnet.metrics.evaluation import score_detections
from mdfnet.metrics.groups import Grouping
from mdfnet.models.card import NOTICE
from mdfnet.report.colors import luminance
from mdfnet.report.contents import DatasetCard, EvaluationReport, ImageExample, ModelResult, SplitCard
from mdfnet.report.evaluation import render, write_report

HOSTILE = "<script>alert(1)</script>"
CLASSES = Classes((HOSTILE, "Effusion"))
TARGET = Target.of([[10, 10, 40, 50]], [1])
FOUND = Detections(np.float32([[10, 10, 40, 45], [0, 0, 9, 9]]), np.array([1, 2]), np.float32([0.9, 0.2]))
NOTHING = Detections(np.zeros((0, 4), np.float32), np.zeros(0, int), np.zeros(0, np.float32))
CURVE = [{"epoch": 1, "train_loss": 1.0, "val_ap": 0.1}, {"epoch": 2, "train_loss": 0.5, "val_ap": 0.3}]


def details() -> dict:
    """What evaluation.json holds, of one image with one annotated box, found."""
    sample = Sample("image", Path("image.png"), 64, 64, TARGET, np.zeros(1, np.float32), patient="p")
    grouping = Grouping(HOSTILE, (HOSTILE,), np.zeros(1, int))
    scored = Scored("fused", CLASSES, (sample,), (1,), (FOUND,), draws=10, groupings=(grouping,))
    groups = [group.to_dict() for group in scored.groups]
    return {"intervals": scored.intervals, "sweep": scored.sweep, **scored.details, "groups": groups}


DETAILS = details()


def full_report(**changes) -> EvaluationReport:
    """Two models, one image, everything filled in, and every text of it hostile."""
    reference = ModelResult("plain", score_detections([NOTHING], [TARGET], CLASSES), CURVE, 1234567, f"name: {HOSTILE}")
    fused = ModelResult(
        HOSTILE,
        score_detections([FOUND], [TARGET], CLASSES),
        CURVE,
        1234600,
        "name: fused",
        HOSTILE,
        DETAILS,
    )
    reference = replace(reference, details=DETAILS)
    card = DatasetCard(HOSTILE, HOSTILE, HOSTILE, CLASSES.names, (SplitCard("test", 1, 1, 1, (1, 0)),), ("clinical",))
    image = np.full((64, 64), 90, np.uint8)
    record = (("age", "61 years"), ("sbp", "missing"), (HOSTILE, HOSTILE))
    example = ImageExample(HOSTILE, image, TARGET, {"plain": NOTHING, HOSTILE: FOUND}, record)
    report = EvaluationReport(
        HOSTILE, (reference, fused), card, "test", (example,), HOSTILE, environment={HOSTILE: HOSTILE}
    )
    return replace(report, **changes)


class Page(HTMLParser):
    """Tags of a page, and whether they close in order."""

    VOID = ("meta", "img", "br", "link", "input")

    def __init__(self, text: str):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


PAGE = render(full_report())


def test_every_tag_closes_and_every_id_is_unique():
    page = Page(PAGE)
    assert page.open == []
    ids = Counter(attributes["id"] for _, attributes in page.tags if "id" in attributes)
    assert ids.most_common(1)[0][1] == 1
    references = {attributes["aria-labelledby"] for _, attributes in page.tags if "aria-labelledby" in attributes}
    assert references and references <= set(ids)


def test_nothing_comes_from_outside():
    page = Page(PAGE)
    for _, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "srcset", "action", "data"):
            assert attributes.get(name, "#").startswith(("#", "data:image/jpeg;base64,"))
    assert not page.all("link") and not page.all("iframe")
    assert "@import" not in PAGE and re.findall(r"url\((?!#)", PAGE) == []
    assert set(re.findall(r"\w+://[^\"\s]*", PAGE)) == {"http://www.w3.org/2000/svg"}


def test_what_comes_from_outside_is_text():
    page = Page(PAGE)
    assert not page.all("script")
    assert page.text.count(HOSTILE) > 20


def test_what_must_be_read_is_there():
    text = Page(PAGE).text
    for phrase in (
        NOTICE,
        "Synthetic: clinical records",
        "synthetic record",
        "against 0.00 of “plain”: 1.00 higher",
        "1,234,567 learnable parameters",
        "sbp missing",
        "area of their intersection by area of their union",
        f"Annotated: {HOSTILE}. Found: nothing.",
    ):
        assert phrase in text, phrase


def test_scores_stand_beside_each_other_with_their_difference():
    table = PAGE.partition("<caption>Average precision")[2]
    row = re.search(r"Effusion</th>(.*?)</tr>.*?<th scope=\"row\">all</th>(.*?)</tr>", table, re.DOTALL)
    figures = (re.sub(r'<small class="interval">.*?</small>', "", cells) for cells in row.groups())
    never_annotated, overall = (Page(cells).text.split() for cells in figures)
    assert never_annotated == ["0", *["–", "–", "–"] * 4], "AP of a class that was never annotated is not 0"
    assert overall == ["1", *["0.00", "1.00", "+1.00"] * 4]


def test_low_scores_are_not_drawn():
    assert f"Found: {HOSTILE} 0.90." in Page(PAGE).text
    assert f"Found: {HOSTILE} 0.90, Effusion 0.20." in Page(render(full_report(image_score=0.1))).text


def test_tables_and_pictures_are_accessible():
    page = Page(PAGE)
    assert len(page.all("table")) == len(page.all("caption")) == 6
    assert all(cell.get("scope") for cell in page.all("th"))
    assert len(page.all("img")) == 2 and all("Annotated:" in picture["alt"] for picture in page.all("img"))
    assert all(drawing.get("aria-label") for drawing in page.all("svg"))
    assert page.all("html")[0]["lang"] == "en"


def test_one_model_alone_has_a_report_without_differences():
    page = Page(render(full_report(models=full_report().models[:1], images=())))
    assert page.open == [] and not page.all("img")
    assert all(small.get("class") == "interval" for small in page.all("small"))
    assert "difference from" not in page.text and "In short" in page.text


def test_real_data_are_not_called_synthetic():
    card = replace(full_report().dataset, synthetic=())
    assert "Synthetic nothing" in Page(render(full_report(dataset=card))).text
    assert 'class="synthetic"' not in render(full_report(dataset=card))


def test_a_report_with_scores_only_is_whole():
    scores = score_detections([FOUND], [TARGET], CLASSES)
    page = Page(
        render(
            EvaluationReport("Scores", (ModelResult("plain", scores),), DatasetCard("set", "", "", CLASSES.names, ()))
        )
    )
    assert page.open == []
    assert "Training" not in page.text and "Images" not in page.text and "Source not stated" in page.text


def test_the_same_report_gives_the_same_bytes():
    assert render(full_report()) == PAGE


def test_models_scored_on_different_images_are_refused_and_the_old_report_stays(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("the last good one")
    other = score_detections([FOUND], [TARGET], CLASSES, images=["another image"])
    models = (full_report().models[0], ModelResult("other", other))
    with pytest.raises(UserError, match="different images"):
        write_report(path, full_report(models=models))
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
    assert path.read_text() == "the last good one"


@pytest.mark.parametrize("names", [(), ("same", "same")], ids=["no model", "two models that nobody can tell apart"])
def test_reports_need_models_with_names_of_their_own(names):
    scores = full_report().models[0].evaluation
    with pytest.raises(ValueError, match="different names"):
        full_report(models=tuple(ModelResult(name, scores) for name in names))


def test_the_card_counts_images_findings_patients_and_boxes_per_split():
    def sample(name, split, patient, labels):
        boxes = [[0, 0, 5, 5]] * len(labels)
        return Sample(name, Path(name), 9, 9, Target.of(boxes, labels), np.zeros(1), patient=patient, split=split)

    samples = (
        sample("a", "test", "one", [1, 1, 2]),
        sample("b", "train", "two", []),
        sample("c", "train", "two", [2]),
        sample("d", None, "three", [1]),
    )
    dataset = SimpleNamespace(
        name="set", source="made up", license="CC0", classes=CLASSES, schema=SimpleNamespace(features=()),
        samples=samples, synthetic=("images",),
    )  # fmt: skip
    card = DatasetCard.of(dataset)
    assert card.splits == (
        SplitCard("train", 2, 1, 1, (0, 1)),
        SplitCard("test", 1, 1, 1, (2, 1)),
        SplitCard("unsplit", 1, 1, 1, (1, 0)),
    )


def themes() -> dict[str, dict[str, str]]:
    css = (resources.files("mdfnet.report") / "templates" / "report.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[:2]
    return {
        name: dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for name, block in (("light", light), ("dark", dark))
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground", "smallest"),
    [
        pytest.param("ink", "paper", 7, id="text"),
        pytest.param("ink", "panel", 7, id="notice"),
        pytest.param("soft", "paper", 4.5, id="captions, WCAG AA"),
        pytest.param("warn", "warn-ground", 4.5, id="synthetic, WCAG AA"),
        *(pytest.param(f"series-{number}", "paper", 3, id=f"graphics {number}, WCAG AA") for number in (1, 2, 3, 4)),
    ],
)
def test_contrast(theme, ink, ground, smallest):
    colors = themes()[theme]
    low, high = sorted(luminance(tuple(bytes.fromhex(colors[name][1:]))) for name in (ink, ground))
    assert (high + 0.05) / (low + 0.05) >= smallest
