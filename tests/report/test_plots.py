"""Plots are well-formed, deterministic, free of the outside, and say what they show."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import matplotlib
import numpy as np
import pytest

from mdfnet.metrics.froc import RATES
from mdfnet.report import curves, plots
from mdfnet.report.colors import luminance
from mdfnet.report.style import LINES, MARKERS, PRINT, Plot, on_page, write_plot

CURVE = [
    {"epoch": 1, "train_loss": 1.0},
    {"epoch": 2, "train_loss": np.nan, "val_ap": 0.2},
    {"epoch": 3, "train_loss": 0.5, "val_ap": 0.3},
]
HOSTILE = "<script>alert('$x$')</script>"


def made(name: str = "fused") -> list[Plot]:
    bars = {"image-only": [0.3, np.nan], name: [0.5, 0.25]}
    classes, nothing = [name, "Effusion"], {"false_positives": [], "sensitivity": []}
    sweep = [{"threshold": x, "AP": [0.3, 1 - x], "AP_interval": [0.9 - x, 1.1 - x]} for x in (0, 0.5, 1)]
    bins = {"detections": [9, 30], "score": [0.2, np.nan], "hits": [0.1, np.nan]}
    rows = [{"value": 0.5, "low": 0.4, "high": 0.6, "too_small": small} for small in (False, True)]
    curve = {"false_positives": [0.1, 2.0], "sensitivity": [0.5, 0.8]}
    roc = {"false_positive_rate": [0, 1], "sensitivity": [0, 1]}
    return [
        plots.training_curves({"image-only": CURVE[:1], name: CURVE}),
        plots.class_bars("AP", classes, bars, {name: [(0.4, 0.6), (0.1, 0.4)]}),
        plots.differences("AP", name, classes, {name: [(0.1, -0.1, 0.3), (np.nan, np.nan, np.nan)]}),
        plots.group_intervals("AP", [("sex", name), ("age", "0 to 17")], {name: rows}),
        plots.mistake_bars(["missed", "other"], {name: [0, 0]}),
        curves.froc_mean(name, {name: [(0.5, 0.4, 0.6)] * len(RATES)}),
        curves.froc_panels("IoBB", classes, {name: {name: curve, "Effusion": nothing}}),
        curves.roc_panels(classes, {name: {name: roc, "Effusion": roc}}, {name: [0.5, np.nan]}),
        curves.reliability_panels(classes, {name: {name: bins, "Effusion": bins}}),
        curves.overlap_sweep({name: {"IoU": sweep, "IoBB": sweep}}),
    ]


KINDS = [plot.name for plot in made()]


def all_plots(name: str = "fused") -> dict[str, str]:
    return {plot.name: on_page(plot) for plot in made(name)}


def texts(svg: str) -> list[str]:
    return [element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_numbers_give_the_same_bytes(kind):
    assert all_plots()[kind] == all_plots()[kind]


def test_ids_are_unique_in_one_page_and_references_lead_to_them():
    page = "".join(all_plots().values())
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(set(ids)) == len(ids)
    references = re.findall(r'(?:href="|url\()#([^")]+)', page)
    assert references and set(references) <= set(ids)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_comes_from_outside_and_nothing_leaks_into_the_page(kind):
    svg = all_plots()[kind]
    assert re.findall(r"\w+://[^\"\s]*", svg) == ["http://www.w3.org/2000/svg"], "the namespace only"
    assert "<style" not in svg and "<metadata" not in svg
    assert ElementTree.fromstring(svg).get("role") == "img"


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_text_whatever_they_hold(kind):
    svg = all_plots(HOSTILE)[kind]
    assert "<script" not in svg
    assert HOSTILE in texts(svg)


def test_colors_are_the_pages_own():
    colors = set(re.findall(r"#0[1-6]0[1-6]0[1-6]", "".join(all_plots().values())))
    assert not colors, "every stand-in became a CSS variable"


def test_bars_show_their_values_and_what_was_never_annotated():
    shown = texts(all_plots()["classes"])
    assert {"0.30", "0.50", "0.25", "not annotated"} <= set(shown)


def test_what_was_not_measured_is_left_out_of_a_curve():
    svg = on_page(plots.training_curves({"fused": CURVE}))
    markers = [re.findall(r"<use [^>]*--series-1", panel) for panel in svg.split('id="training-axes_2"')]
    assert [len(found) for found in markers] == [2 + 1, 2], "two losses and the legend's, two validations"


def test_global_settings_stay_as_they_were():
    before = dict(matplotlib.rcParams)
    all_plots()
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("plot", made(HOSTILE), ids=KINDS)
def test_files_carry_their_letters_and_are_the_same_each_time(plot, tmp_path):
    for folder in ("one", "other"):
        write_plot(plot, tmp_path / folder)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == [f"{plot.name}.pdf", f"{plot.name}.svg"]
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
    svg, pdf = (tmp_path / "one" / f"{plot.name}.svg").read_text(), (tmp_path / "one" / f"{plot.name}.pdf").read_bytes()
    assert "<text" not in svg and not re.search(r"#0[1-6]0[1-6]0[1-6]", svg), "outlines, real colors"
    assert b"/FontFile2" in pdf and b"/Type3" not in pdf, "letters embedded"


def test_series_can_be_told_apart_in_gray():
    """At least nine steps of lightness between any two, and another marker and line for each."""
    lightness = sorted(116 * luminance(tuple(bytes.fromhex(color[1:]))) ** (1 / 3) - 16 for color in PRINT.series)
    assert min(np.diff(lightness)) >= 8
    assert len(set(MARKERS)) == len(set(LINES)) == len(PRINT.series)
