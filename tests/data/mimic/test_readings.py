from collections import Counter

import numpy as np
import pytest

from mdfnet.core.errors import UserError
from mdfnet.data.mimic.readers import merge
from mdfnet.data.mimic.readings import (
    FURTHER_LABELS,
    NO_AREA,
    OTHER_LABELS,
    UNCERTAIN,
    LabeledBoxes,
    Reading,
    read_boxes,
)
from mdfnet.data.mimic.rules import EllipseLabels, Findings, Readers, Rules

READING = Reading("metadata_phase_1.csv row 7", "P100R000001", "a-b", 1, 64, 80, False, 1, "PA", False, 1, None, False)
LABELS = ("Atelectasis", "Consolidation", "Mass", "Nodule", "Pleural effusion", "Other")
HEADER = f"xmin,ymin,xmax,ymax,certainty,{','.join(LABELS)}\n"


def row(*labels, certainty=5, box="1,2,11,22"):
    return f"{box},{certainty},{','.join(str(label in labels) for label in LABELS)}"


def drawn_boxes(folder, *rows, header=HEADER, **rules):
    (folder / "ellipses.csv").write_text(header + "".join(f"{row}\n" for row in rows))
    fates = Counter()
    found = read_boxes(folder / "ellipses.csv", READING, Rules(**rules), fates)
    return found.boxes.tolist(), found.labels, fates


A, B, P, LUMP = "Atelectasis", "Consolidation", "Pleural abnormality", "Lung nodule or mass"
EVERY, FIRST = {"findings": Findings.all}, {"ellipse_labels": EllipseLabels.first}
THREE = row(A, B, "Pleural effusion")
ELLIPSES = [
    pytest.param(row(A), {}, [A], {}, id="one label"),
    pytest.param("1,2,11,22,5,1,0,0,0,0,0", {}, [A], {}, id="labels as 1 and 0"),
    pytest.param(THREE, {}, [A, P, B], {}, id="three labels, three boxes, in the paper's order"),
    pytest.param(THREE, FIRST, [A], {FURTHER_LABELS: 2}, id="the first label"),
    pytest.param(row(A, certainty=2), {}, [], {UNCERTAIN: 1}, id="less likely"),
    pytest.param(row(A, certainty=2), {"certainty": 2}, [A], {}, id="asked for"),
    pytest.param(row("Mass", "Nodule"), {}, [], {OTHER_LABELS: 1}, id="not of the five"),
    pytest.param(row("Mass", "Nodule"), EVERY, [LUMP], {}, id="two names of one finding: one box"),
    pytest.param(row("Mass"), {"synonyms": {"Mass": B}}, [B], {}, id="own synonym"),
    pytest.param(row("Other"), EVERY, [], {OTHER_LABELS: 1}, id="Other is no finding"),
    pytest.param(row(A, box="70,2,90,22"), {}, [], {NO_AREA: 1}, id="off the image"),
    pytest.param(row(A, box="5,2,5,22"), {}, [], {NO_AREA: 1}, id="no width"),
]


@pytest.mark.parametrize(("drawn", "rules", "labels", "fates"), ELLIPSES)
def test_ellipses(tmp_path, drawn, rules, labels, fates):
    boxes, found, counted = drawn_boxes(tmp_path, drawn, **rules)
    assert list(found) == labels and boxes == [[1, 2, 11, 22]] * len(labels)
    assert +counted == {"ellipses": 1, **fates}


def test_boxes_are_cut_at_the_edges(tmp_path):
    assert drawn_boxes(tmp_path, row(A, box="-5,2,90,200"))[0] == [[0, 2, 64, 80]]


def test_no_ellipse_is_no_finding(tmp_path):
    assert drawn_boxes(tmp_path) == ([], (), Counter())


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        pytest.param(["1,2,x,22,5,1,0,0,0,0,0"], HEADER, "row 7, row 2: xmax is not a number", id="no number"),
        pytest.param(["1,2,9,22,,1,0,0,0,0,0"], HEADER, "row 7, row 2: certainty is not a number", id="no certainty"),
        pytest.param(["1,2"], HEADER, "row 7: 2 cells under 11 columns", id="row cut short"),
        pytest.param([], HEADER.replace("ymin", "y"), "row 7: no column 'ymin'", id="no corner"),
        pytest.param([], "", "row 7: the table is empty", id="empty file"),
    ],
)
def test_broken_ellipses(tmp_path, rows, header, message):
    with pytest.raises(UserError, match=f"ellipses of metadata_phase_1.csv {message}") as error:
        drawn_boxes(tmp_path, *rows, header=header)
    assert "P100R000001" not in str(error.value)


HERE, NEAR, FAR = [0, 0, 20, 20], [4, 0, 24, 20], [40, 40, 60, 60]
AGREE = [
    pytest.param([[(HERE, A)], [(NEAR, A)]], [([2, 0, 22, 20], A)], id="two of two: medians"),
    pytest.param([[(HERE, A)], []], [], id="one of two is no majority"),
    pytest.param([[(HERE, A)]], [(HERE, A)], id="a single reader is believed"),
    pytest.param([[(HERE, A)], [(HERE, B)], [(HERE, A)]], [(HERE, A)], id="labels are kept apart"),
    pytest.param([[(HERE, A)], [(FAR, A)], [(NEAR, A)]], [([2, 0, 22, 20], A)], id="two of three"),
    pytest.param([[(HERE, A), (NEAR, A)], [(NEAR, A)]], [(NEAR, A)], id="a reader counts once; the best overlap wins"),
    pytest.param([[(HERE, A)], [(NEAR, A)], [(FAR, A)], [(FAR, A)]], [], id="two and two of four"),
    pytest.param([[([x, 0, x + 10, 10], A)] for x in (0, 5, 10, 15)], [], id="a chain is no agreement"),
]


@pytest.mark.parametrize(("readings", "agreed"), AGREE)
def test_consensus(readings, agreed):
    found = merge([of(reading) for reading in readings], Readers.consensus, 0.25)
    assert list(zip(found.boxes.tolist(), found.labels, strict=True)) == [(box, label) for box, label in agreed]
    backwards = merge([of(reading) for reading in readings[::-1]], Readers.consensus, 0.25)
    np.testing.assert_array_equal(np.sort(backwards.boxes, 0), np.sort(found.boxes, 0))


def of(reading):
    return LabeledBoxes.of([box for box, _ in reading], [label for _, label in reading])


def test_union_keeps_every_box():
    found = merge([of([(HERE, A)]), of([]), of([(HERE, A), (FAR, B)])], Readers.union, 0.25)
    assert found.boxes.tolist() == [HERE, HERE, FAR] and found.labels == (A, A, B)
