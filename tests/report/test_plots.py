"""Plots are well-formed, deterministic, free of the outside, and say what they show."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import matplotlib
import numpy as np
import pytest

from mdfnet.report import plots

CURVE = [
    {"epoch": 1, "train_loss": 1.0},
    {"epoch": 2, "train_loss": np.nan, "val_ap": 0.2},
    {"epoch": 3, "train_loss": 0.5, "val_ap": 0.3},
]
HOSTILE = "<script>alert('$x$')</script>"


def all_plots(name: str = "fused") -> dict[str, str]:
    bars = {"image-only": [0.3, np.nan], name: [0.5, 0.25]}
    return {
        "training": plots.training_curves({"image-only": CURVE[:1], name: CURVE}),
        "classes": plots.class_bars("AP", [name, "Effusion"], bars, {name: [(0.4, 0.6), (0.1, 0.4)]}),
        "overlap": plots.overlap_curves("IoU", {name: [(0.25, 0.6), (0.5, 0.4)]}),
    }


def texts(svg: str) -> list[str]:
    return [element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("kind", ["training", "classes", "overlap"])
def test_the_same_numbers_give_the_same_bytes(kind):
    assert all_plots()[kind] == all_plots()[kind]


def test_ids_are_unique_in_one_page_and_references_lead_to_them():
    page = "".join(all_plots().values())
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(set(ids)) == len(ids)
    references = re.findall(r'(?:href="|url\()#([^")]+)', page)
    assert references and set(references) <= set(ids)


@pytest.mark.parametrize("kind", ["training", "classes", "overlap"])
def test_nothing_comes_from_outside_and_nothing_leaks_into_the_page(kind):
    svg = all_plots()[kind]
    assert re.findall(r"\w+://[^\"\s]*", svg) == ["http://www.w3.org/2000/svg"], "the namespace only"
    assert "<style" not in svg and "<metadata" not in svg
    assert ElementTree.fromstring(svg).get("role") == "img"


@pytest.mark.parametrize("kind", ["training", "classes", "overlap"])
def test_names_are_text_whatever_they_hold(kind):
    svg = all_plots(HOSTILE)[kind]
    assert "<script" not in svg
    assert HOSTILE in texts(svg)


def test_colors_are_the_pages_own():
    colors = set(re.findall(r"#0[1-6]0[1-6]0[1-6]", "".join(all_plots().values())))
    assert not colors, "every stand-in became a CSS variable"


def test_bars_tell_their_values_and_what_was_never_marked():
    shown = texts(all_plots()["classes"])
    assert {"0.30", "0.50", "0.25", "not marked"} <= set(shown)


def test_what_was_not_measured_is_left_out_of_a_curve():
    svg = plots.training_curves({"fused": CURVE})
    markers = [re.findall(r"<use [^>]*--series-1", panel) for panel in svg.split('id="training-axes_2"')]
    assert [len(found) for found in markers] == [2 + 1, 2], "two losses and the legend's, two validations"


def test_global_settings_stay_as_they_were():
    before = dict(matplotlib.rcParams)
    all_plots()
    assert dict(matplotlib.rcParams) == before
