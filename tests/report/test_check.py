from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from mdfnet.core.errors import UserError
from mdfnet.data.checks import KINDS, Finding, check_dataset
from mdfnet.data.checks.statistics import Discrimination
from mdfnet.report import check as module
from mdfnet.report.check import MOST_IMAGES, MOST_MESSAGES, write_check_page


@pytest.fixture
def page(tiny_dataset, tmp_path):
    """Writes the page of findings and gives back its text; ``spoil`` changes the folder first."""

    def write(spoil=lambda folder: None, findings=None, ignored=()):
        folder = tiny_dataset().folder
        spoil(folder)
        write_check_page(tmp_path / "check.html", folder, findings or check_dataset(folder), ignored)
        return (tmp_path / "check.html").read_text()

    return write


def section(text, kind):
    return re.search(rf'<section aria-labelledby="{kind}".*?</section>', text, re.S)[0]


def many(kind, count):
    return [
        Finding(kind, f"message {number}", "images", images=(f"image{number % 12}.png",)) for number in range(count)
    ]


def test_it_needs_nothing_else(page):
    text = page(lambda folder: (folder / "images" / "image3.png").write_bytes(b""))
    assert re.findall(r'(?:src|href)="(?!data:|#)', text) == [] and "<script" not in text and "@import" not in text
    assert "1 error: the folder cannot be used" in text and "Not a medical device" in text
    assert "image-unreadable" in section(text, "overview")


def test_images_are_shown_where_a_finding_is_about_them(page):
    def copy(folder):
        shutil.copy(folder / "images" / "image0.png", folder / "images" / "image2.png")

    part = section(page(copy), "image-across-splits")
    assert re.findall(r'alt="Image (.*?)"', part) == ["image0.png", "image2.png"]
    assert part.count('class="together"') == 1 and ">train<" in part and ">val<" in part


def test_only_the_boxes_concerned_are_drawn(page, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        module, "draw", lambda image, classes, target, size: drawn.append(target) or Image.new("RGB", (9, 9))
    )
    page(findings=[Finding("box-tiny", "small", "annotations.json", images=("image2.png",), boxes=(3,))])
    page_boxes = [len(target) for target in drawn]
    assert page_boxes == [1]


def test_much_is_counted_rather_than_shown(page):
    part = section(page(findings=many("image-text", 300)), "image-text")
    assert part.count("<img") == MOST_IMAGES and part.count("<li>") == MOST_MESSAGES
    assert f"and {300 - MOST_MESSAGES} more" in part


def test_every_kind_is_either_found_or_listed_as_not_found(page):
    text = page(findings=many("image-text", 2), ignored=("image-blank",))
    clean = section(text, "clean")
    assert {kind for kind in KINDS if f"<dt>{kind}</dt>" in clean} == set(KINDS) - {"image-text", "image-blank"}
    assert "Not looked at, as asked: image-blank" in clean


def test_what_columns_discriminate_is_a_table(page):
    part = section(page(), "discrimination")
    heads = ["Column", "Atelectasis", "Effusion", "any box"]
    assert re.findall(r'<th scope="col">(.*?)</th>', part) == heads
    assert set(re.findall(r"<td>(.*?)</td>", part)) == {"–"}  # six patients say nothing


def test_a_column_that_is_lower_with_a_finding_has_an_auroc_below_one_half(page, monkeypatch):
    found = {"Effusion": Discrimination(0.75, 0.625, 0.875, False, 90), "any box": None}
    monkeypatch.setattr(module, "column_discriminations", lambda raw: [("o2sat", found)])
    assert "<td>0.25 <small>0.12–0.38</small></td>" in section(page(), "discrimination")


def test_whose_images_it_shows_is_said(page):
    assert "Synthetic images" in page()


def test_patients_images_are_called_so(page):
    def real(folder):
        path = folder / "dataset.yaml"
        path.write_text(path.read_text().replace("- images\n", "").replace("synthetic:", "synthetic: []"))

    text = page(real)
    assert "Shows images of patients" in text and "Synthetic images" not in text


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda folder: (folder / "dataset.yaml").unlink(), id="no description"),
        pytest.param(lambda folder: (folder / "annotations.json").write_text("{"), id="no annotations"),
        pytest.param(lambda folder: (folder / "clinical.csv").write_bytes(b"\xff"), id="no table"),
        pytest.param(lambda folder: shutil.rmtree(folder / "images"), id="no images"),
        pytest.param(
            lambda folder: Image.fromarray(np.zeros((3, 900), np.uint8)).save(folder / "images" / "image3.png"),
            id="an image of an odd shape",
        ),
    ],
)
def test_a_broken_folder_has_a_page_too(page, spoil):
    assert "the folder cannot be used" in page(spoil)


def test_what_comes_from_outside_is_escaped(page):
    def rename(folder):
        path = folder / "annotations.json"
        content = json.loads(path.read_text())
        content["images"][3]["file_name"] = "<script>alert(1)<.png"
        path.write_text(json.dumps(content))
        path = folder / "dataset.yaml"
        path.write_text(path.read_text().replace("name: tiny", 'name: "<img src=x>"'))

    text = page(rename)
    assert "<script" not in text and "<img src=x" not in text and "&lt;script&gt;alert(1)" in text


def test_no_folder(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        write_check_page(tmp_path / "check.html", tmp_path / "none", [])
    assert list(tmp_path.iterdir()) == []
