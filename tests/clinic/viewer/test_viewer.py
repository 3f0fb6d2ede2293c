"""The viewer as a person uses it: real server, real browser, real DICOM images where they are at hand."""

from __future__ import annotations

import base64
import csv
import json
import re
from collections.abc import Iterator
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.pixels import apply_windowing
from running_server import running
from viewer_page import ViewerPage

import mdfnet

#: A synthetic image on which the demo model finds edema, and calls it consolidation when the patient has a fever.
IMAGE = "phantom-00004.png"
GUIDE = Path(__file__).parents[3] / "docs" / "how-to" / "viewer.md"
DICOM = "dicom/nih_cxr_DX_MONO2_implicitLE.dcm"
INVERTED = "dicom/nih_MONO1_explicitLE.dcm"


def press(page, key: str, times: int = 1) -> None:
    for _ in range(times):
        page.keyboard.press(key)


def heat(viewer: ViewerPage, steps: int = 12) -> None:
    """Raises the temperature by tenths of a degree with the keyboard."""
    viewer.slider("Body temperature").focus()
    press(viewer.page, "ArrowRight", steps)
    viewer.settled()


def exported(viewer: ViewerPage, name: str) -> bytes:
    viewer.page.get_by_role("button", name="Export", exact=True).click()
    with viewer.page.expect_download() as download:
        viewer.page.get_by_role("button", name=name).click()
    press(viewer.page, "Escape")
    return download.value.path().read_bytes()


def gray(viewer: ViewerPage, pane: int = 0) -> np.ndarray:
    """What the canvas shows, ``[H, W]``."""
    read = """canvas => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let text = "";
      for (let index = 0; index < data.length; index += 4) text += String.fromCharCode(data[index]);
      return [canvas.width, canvas.height, btoa(text)];
    }"""
    width, height, values = viewer.drawn("canvas").nth(pane).evaluate(read)
    return np.frombuffer(base64.b64decode(values), np.uint8).reshape(height, width)


def test_a_dicom_image_from_drop_to_report(viewer, shared_data):
    page = viewer().open()
    page.drop(shared_data / DICOM)
    page.detected()
    assert page.page.locator("#image-about").inner_text().startswith("DICOM  1024 × 1024  8 bit")
    center, width, _ = page.settings()
    page.drag(80, 40)
    assert page.settings()[0] > center and page.settings()[1] > width
    page.page.get_by_role("button", name="Reset", exact=True).click()
    assert page.settings()[:2] == (center, width)
    page.page.locator("#threshold").fill("0.1")
    before = page.findings()
    heat(page, 20)
    assert [change for *_, change in before] == [""] * len(before)
    assert any(change for *_, change in page.findings()), "no score follows the temperature"
    label = page.findings()[0][0]
    page.page.locator("#classes label", has_text=label).locator("input").uncheck()
    assert label not in {name for name, *_ in page.findings()}
    assert page.drawn(".box", has_text=label).count() == 0
    found = json.loads(exported(page, "Findings as COCO JSON"))
    assert sorted(one["score"] for one in found) == pytest.approx(
        sorted(score for name, score, _ in before if name != label), abs=0.006
    )


@pytest.mark.parametrize("name", [DICOM, INVERTED], ids=["as stored", "MONOCHROME1"])
def test_pixels_are_those_of_pydicom(viewer, shared_data, name):
    page = viewer(viewport={"width": 1700, "height": 1200}).open()
    page.drop(shared_data / name)
    page.detected()
    press(page.page, "1")
    page.drag(-150, 30)
    page.settled()
    center, width, zoom = page.settings()
    image = pydicom.dcmread(shared_data / name)
    image.WindowCenter, image.WindowWidth = center, width
    expected = apply_windowing(image.pixel_array, image)
    expected = expected.max() - expected if image.PhotometricInterpretation == "MONOCHROME1" else expected
    shown = gray(page)
    top, left = (shown.shape[0] - 1024 + 1) // 2, (shown.shape[1] - 1024 + 1) // 2
    difference = shown[top : top + 1024, left : left + 1024].astype(float) - expected / expected.max() * 255
    assert zoom == 100
    # The corner says center and width in whole numbers; the window itself may lie half of one beside.
    assert np.abs(difference).max() <= 255 / width + 1


def test_moving_the_temperature_moves_the_scores(viewer):
    page = viewer().open().open_listed(IMAGE)
    page.page.locator("#threshold").fill("0.3")
    before = {label: score for label, score, _ in reversed(page.findings())}
    heat(page)
    after = {label: score for label, score, _ in reversed(page.findings())}
    assert before["Pulmonary edema"] > 0.5 > after["Pulmonary edema"]
    assert before["Consolidation"] < 0.5 < after["Consolidation"]
    gauge = page.page.locator(".value.changed")
    assert "measured 37.1" in gauge.inner_text() and gauge.locator(".tick").is_visible()
    assert page.page.locator("#what-if-badge").inner_text() == "What-if: temperature 37.1 → 38.3"
    assert page.drawn(".box.faded").count() == 2, "boxes that lost their score fade, they do not vanish"
    press(page.page, "m")
    page.settled()
    assert {label: score for label, score, _ in reversed(page.findings())} == before


def test_where_list_and_explanation_differ_the_page_says_so(viewer):
    """The list follows the model's box as it shifts, the explanation stays at one place."""
    page = viewer().open().open_listed(IMAGE)
    page.page.locator("#threshold").fill("0.1")
    heat(page)
    differ = []
    for row in range(len(page.findings())):
        press(page.page, "n")
        page.page.locator("#why li").first.wait_for()
        score, _, alone = page.page.locator("#findings tr").nth(row).locator("td.number").all_inner_texts()
        said = page.page.locator("#why-sum").inner_text()
        differ.append(re.findall(r"\d\.\d\d", said) != [alone, score])
        assert ("The list follows the model's own box" in said) == differ[-1], said
    assert set(differ) == {True, False}


def test_the_page_says_that_the_model_knows_synthetic_images(viewer):
    notice = viewer().open().page.locator("#notice").inner_text()
    assert notice == "Research use only. Not a medical device. Trained on synthetic images."


def test_what_if_is_never_exported(viewer):
    page = viewer().open().open_listed(IMAGE)
    measured = [(label, score) for label, score, _ in page.findings()]
    heat(page)
    rows = list(csv.DictReader(StringIO(exported(page, "Findings as CSV").decode())))
    assert sorted((row["label"], round(float(row["score"]), 2)) for row in rows) == sorted(measured)


def test_missing_is_a_state_of_its_own(viewer):
    page = viewer().open().open_listed(IMAGE)
    pressure = page.page.locator(".value", has_text="Systolic blood pressure")
    typed = page.page.get_by_label("Systolic blood pressure, typed")
    assert "missing" in pressure.get_attribute("class") and "not measured" in pressure.inner_text()
    assert typed.input_value() == ""
    typed.fill("118")
    press(page.page, "Tab")
    page.settled()
    assert "missing" not in pressure.get_attribute("class").split()
    page.page.get_by_role("checkbox", name="Body temperature missing").check()
    page.settled()
    assert page.page.get_by_label("Body temperature, typed").input_value() == ""
    badge = page.page.locator("#what-if-badge").inner_text()
    assert badge == "What-if: temperature 37.1 → missing, sbp missing → 118"
    page.page.get_by_role("checkbox", name="Body temperature missing").uncheck()
    page.settled()
    assert page.page.locator("#what-if-badge").inner_text() == "What-if: sbp missing → 118"


def test_an_implausible_value_is_refused_and_says_why(viewer):
    page = viewer().open().open_listed(IMAGE)
    page.page.get_by_label("Body temperature, typed").fill("98.6")
    press(page.page, "Tab")
    page.settled()
    assert "not used: temperature is 98.6" in page.page.locator(".value", has_text="Body temp").inner_text()


def test_what_a_dropped_record_says_in_vain_is_said(viewer, images):
    """With its image or after it; what a slider asks does not make it forgotten."""
    page = viewer().open()
    record = ("record.json", b'{"age": 50, "temperature": 98.6, "temprature": 38.2}')
    field, notes = page.page.locator(".value", has_text="Body temp"), page.page.locator("#record-notes")
    page.drop(images / IMAGE, record)
    page.detected()
    for again in (False, True):
        if again:
            page.drop(("other.json", b'{"age": 50}'))
            notes.wait_for(state="hidden")
            assert "not used" not in field.inner_text()
            page.drop(record)
        notes.wait_for()
        assert "temprature" in notes.inner_text()
        page.slider("Heart rate").focus()
        press(page.page, "ArrowRight")
        page.settled()
        assert "not used: temperature is 98.6" in field.inner_text()


def test_values_can_become_the_record(viewer):
    page = viewer().open().open_listed(IMAGE)
    heat(page)
    fever = [score for _, score, _ in page.findings()]
    page.page.get_by_role("button", name="Take as measured").click()
    page.detected()
    page.settled()
    assert [score for _, score, _ in page.findings()][:2] == pytest.approx(fever[:2], abs=0.011)
    assert page.page.locator("#what-if-state").inner_text() == "as measured"
    assert page.page.locator("#what-if-badge").is_hidden()


def test_a_record_dropped_with_or_after_its_image(viewer, images):
    page = viewer().open()
    page.drop(images / IMAGE, ("record.json", b'{"age": 50, "temperature": {"value": 101.3, "unit": "[degF]"}}'))
    page.detected()
    page.settled()
    assert "measured 38.5" in page.page.locator(".value", has_text="Body temp").inner_text()
    page.drop(("later.json", b'{"temperature": 36.6}'))
    page.page.locator(".value", has_text="measured 36.6").wait_for()
    assert "not measured" in page.page.locator(".value", has_text="Age").inner_text()


def test_beside_the_image_alone(viewer):
    page = viewer().open().open_listed(IMAGE)
    press(page.page, "c")
    page.settled()
    panes = page.drawn(".pane")
    fused, alone = (set(panes.nth(number).locator("text").all_text_contents()) for number in (0, 1))
    assert fused and alone and fused != alone
    assert np.array_equal(gray(page, 0), gray(page, 1))


def test_zoom_keeps_the_place_below_the_cursor(viewer):
    page = viewer().open().open_listed(IMAGE)
    pane = page.page.locator(".pane").first.bounding_box()
    page.page.mouse.move(pane["x"] + 200, pane["y"] + 300)
    before = page.page.locator("#read-out").inner_text()
    page.page.mouse.wheel(0, -600)
    page.settled()
    page.page.mouse.move(pane["x"] + 200, pane["y"] + 301)
    page.page.mouse.move(pane["x"] + 200, pane["y"] + 300)
    assert page.page.locator("#read-out").inner_text() == before
    assert page.settings()[2] > 200


@pytest.mark.parametrize("how", ["right button", "shift", "pan tool"])
def test_the_image_is_dragged_without_windowing(viewer, how):
    page = viewer().open().open_listed(IMAGE)
    before, box = page.settings(), page.drawn(".outline[data-id='0'] .line").bounding_box()
    if how == "pan tool":
        page.page.get_by_role("button", name="Pan", exact=True).click()
    if how == "shift":
        page.page.keyboard.down("Shift")
    page.drag(60, -40, button="right" if how == "right button" else "left")
    page.settled()
    moved = page.drawn(".outline[data-id='0'] .line").bounding_box()
    assert page.settings() == before
    # The first pixels tell a drag from a click.
    assert (moved["x"] - box["x"], moved["y"] - box["y"]) == pytest.approx((60, -40), abs=12)


def test_boxes_lie_on_the_image_at_every_zoom(viewer):
    page = viewer().open().open_listed(IMAGE)
    (one,) = [json.loads(exported(page, "Findings as COCO JSON"))[0]["bbox"]]
    for keys in ([], ["+"] * 3, ["ArrowLeft", "ArrowUp"]):
        page.page.locator("#stage").focus()
        for key in keys:
            press(page.page, key)
        page.settled()
        box = page.drawn(".outline[data-id='0'] .line").bounding_box()
        zoom = page.settings()[2] / 100
        assert box["width"] == pytest.approx(one[2] * zoom, rel=0.02, abs=3)
        assert box["height"] == pytest.approx(one[3] * zoom, rel=0.02, abs=3)


def test_the_view_as_a_picture(viewer, tmp_path):
    page = viewer().open().open_listed(IMAGE)
    heat(page)
    (tmp_path / "view.png").write_bytes(exported(page, "This view as PNG"))
    with Image.open(tmp_path / "view.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    colored = np.ptp(pixels, axis=2) > 40
    assert colored.sum() > 500, "no box is in the picture"
    assert (pixels[-44:].max(axis=2) > 180).sum() > 500, "no notice is in the picture"


def test_operating_points_have_thresholds_of_their_own(viewer):
    page = viewer()
    points = [
        {"name": "max-f1", "rule": "", "thresholds": {"Pulmonary edema": 0.99, "Consolidation": 0.2}},
        {"name": "fp-0.5", "rule": "", "thresholds": {"Pulmonary edema": 0.5, "Consolidation": 0.9}},
    ]

    def with_points(route):
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "operating": {"points": points}})

    page.page.route("**/v1/model", with_points)
    page.open().open_listed(IMAGE)
    assert {label for label, *_ in page.findings()} == {"Consolidation"}
    page.page.locator("#point").select_option("fp-0.5")
    assert {label for label, *_ in page.findings()} == {"Pulmonary edema"}
    page.page.locator("#threshold").fill("0.05")
    assert {label for label, *_ in page.findings()} == {"Consolidation", "Pulmonary edema"}
    assert page.page.locator("#point").input_value() == ""


def test_keyboard_alone(viewer):
    page = viewer().open()
    keys = page.page
    press(keys, "PageDown")
    page.detected()
    press(keys, "PageDown", 4)
    keys.locator("#images button[aria-current]", has_text=IMAGE).wait_for()
    page.detected()
    page.settled()
    press(keys, "n")
    assert keys.locator("#findings button[aria-pressed=true]").count() == 1
    press(keys, "Escape")
    assert keys.locator("#findings button[aria-pressed=true]").count() == 0
    settings = page.settings()
    press(keys, "l")
    press(keys, "Shift+ArrowRight", 3)
    press(keys, "+")
    page.settled()
    assert page.settings()[1] > settings[1] and page.settings()[2] > settings[2]
    press(keys, "Tab")
    page.settled()
    assert keys.evaluate("document.activeElement.getAttribute('data-id')") is not None, "Tab does not reach a box"
    press(keys, "Enter")
    assert page.drawn(".box.focused").count() == 1
    while keys.evaluate("document.activeElement.getAttribute('aria-label')") != "Body temperature":
        press(keys, "Tab")
    press(keys, "ArrowRight", 12)
    page.settled()
    assert keys.locator("#what-if-state").inner_text() == "what-if: 1 value differs"
    press(keys, "e")
    press(keys, "Tab")
    with keys.expect_download() as download:
        press(keys, "Enter")
    assert json.loads(download.value.path().read_text())


def test_the_page_and_the_docs_say_the_same_keys(viewer):
    page = viewer().open()
    press(page.page, "?")
    entries = page.page.locator("#key-list dt, #key-list dd").all()
    keys = [" ".join(entry.locator("kbd").all_inner_texts()) for entry in entries[::2]]
    shown = dict(zip(keys, (entry.inner_text() for entry in entries[1::2]), strict=True))
    (table,) = re.findall(r"## Keys.*?(\| key .*?)\n\n", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    rows = [row.strip("| ").split(" | ") for row in table.splitlines()[2:]]
    assert {key: does for key, does in rows} == shown


def test_single_keys_can_be_turned_off(viewer):
    page = viewer().open().open_listed(IMAGE)
    press(page.page, "?")
    page.page.get_by_role("checkbox", name="Letters and signs").uncheck()
    page.page.locator("#keys").get_by_role("button", name="Close").click()
    press(page.page, "i")
    page.settled()
    assert "inverted" not in page.drawn("#image-settings").inner_text()


def test_a_model_of_images_alone_has_no_record(viewer, images, tmp_path):
    model = mdfnet.build("tiny", map=None, vector=None, size=64, box_score=0.0)
    model.save(tmp_path / "model")
    with running(tmp_path, "--images", str(images), "--threads", "1", model=str(tmp_path / "model")) as server:
        page = viewer(server.url).open().open_listed(IMAGE)
        page.settled()
        assert page.page.locator("#no-record").inner_text() == "This model looks at images alone."
        assert page.page.locator("#record").is_hidden() and page.page.locator(".caution").is_hidden()
        page.page.locator("#threshold").fill("0")
        press(page.page, "n")
        page.settled()
        assert page.findings() and page.drawn(".box.focused").count() == 1


@pytest.mark.parametrize("size", [(1280, 800), (1024, 768), (768, 1024)], ids=["laptop", "tablet", "tablet upright"])
def test_nothing_is_cut_off(viewer, size):
    page = viewer(viewport={"width": size[0], "height": size[1]}).open().open_listed(IMAGE)
    cut = """() => [...document.querySelectorAll("button, input, select, #notice, .caution")]
      .filter(element => element.checkVisibility() && element.getBoundingClientRect().right > innerWidth + 1)
      .map(element => element.id || element.textContent)"""
    assert page.page.evaluate(cut) == []
    notice = page.page.locator("#notice").bounding_box()
    assert notice["x"] >= 0 and notice["y"] + notice["height"] <= size[1]
    assert page.page.locator(".pane").first.bounding_box()["width"] >= 400


def test_two_fingers_zoom(viewer):
    page = viewer(viewport={"width": 1024, "height": 768}, has_touch=True).open().open_listed(IMAGE)
    before = page.settings()[2]
    touch = page.page.context.new_cdp_session(page.page)
    for kind, apart in (("touchStart", 40), ("touchMove", 80), ("touchMove", 120), ("touchEnd", None)):
        points = [] if apart is None else [{"x": 450 - apart, "y": 400, "id": 0}, {"x": 450 + apart, "y": 400, "id": 1}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    page.settled()
    assert page.settings()[2] == pytest.approx(3 * before, rel=0.1)


def test_a_structured_report_of_what_is_shown(viewer, shared_data):
    pytest.importorskip(
        "mdfnet.services.pacs.report", reason="NEEDS highdicom: pip install 'mdfnet[dicom]'", exc_type=ImportError
    )
    page = viewer().open()
    page.drop(shared_data / DICOM)
    page.detected()
    page.page.locator("#threshold").fill("0.1")
    shown = page.findings()
    report = pydicom.dcmread(BytesIO(exported(page, "DICOM structured report")))
    image = pydicom.dcmread(shared_data / DICOM, stop_before_pixels=True)
    places = [item for item in items(report) if item.ValueType == "SCOORD"]
    assert (report.Modality, report.StudyInstanceUID) == ("SR", image.StudyInstanceUID)
    assert len(places) == len(shown)
    assert report.VerificationFlag == "UNVERIFIED"


def test_where_nothing_is_shown_a_capture_says_so_and_a_structured_report_cannot(viewer, shared_data):
    pytest.importorskip(
        "mdfnet.services.pacs.capture", reason="NEEDS highdicom: pip install 'mdfnet[dicom]'", exc_type=ImportError
    )
    page = viewer().open()
    page.drop(shared_data / DICOM)
    page.detected()
    page.page.locator("#threshold").fill("1")
    assert page.findings() == []
    assert pydicom.dcmread(BytesIO(exported(page, "DICOM secondary capture"))).Modality == "OT"
    page.page.get_by_role("button", name="Export", exact=True).click()
    report = page.page.get_by_role("button", name="DICOM structured report")
    assert report.is_disabled() and "secondary capture" in report.get_attribute("title")
    page.page.locator("#threshold").fill("0.1")
    assert report.is_enabled(), "a finding is shown again"


def items(report) -> Iterator[pydicom.Dataset]:
    """All content items of a report."""
    for item in report.get("ContentSequence", []):
        yield item
        yield from items(item)


def test_an_image_without_headers_makes_no_dicom(viewer):
    page = viewer().open().open_listed(IMAGE)
    page.page.get_by_role("button", name="Export", exact=True).click()
    for name, allowed in {"Findings as CSV": True, "DICOM structured report": False}.items():
        assert page.page.get_by_role("button", name=name).is_enabled() == allowed
