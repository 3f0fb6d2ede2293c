"""Image-level labels are kept beside a dataset and held against its boxes."""

import pytest
from typer.testing import CliRunner

from mdfnet.cli.data import app
from mdfnet.core.errors import UserError
from mdfnet.data.dataset_folder import read_dataset
from mdfnet.data.labels import Agreement, read_labels, write_labels

#: Image i of the tiny dataset has i % 3 boxes, of classes (i + number) % 2: 0 none, 1 Effusion, 2 Atelectasis and
#: Effusion, 3 none, 4 Atelectasis, 5 Effusion and Atelectasis.
TABLE = """Path,Sex,Age,Atelectasis,Pleural Effusion,Fracture
CheXpert-v1.0/train/image0.jpg,F,61,1.0,0.0,
CheXpert-v1.0/train/image1.jpg,F,61,,1.0,
CheXpert-v1.0/train/image2.jpg,M,7,0.0,-1.0,
CheXpert-v1.0/train/image4.jpg,M,7,1.0,,
CheXpert-v1.0/train/image5.jpg,M,7,,,
CheXpert-v1.0/train/image99.jpg,M,7,,1.0,
"""


@pytest.fixture
def labeled(tiny_dataset, tmp_path):
    (tmp_path / "chexpert.csv").write_text(TABLE)
    return tiny_dataset(), tmp_path / "chexpert.csv"


def test_labels_against_boxes(labeled):
    dataset, table = labeled
    labels = read_labels(table, dataset)
    assert labels.findings == ("Atelectasis", "Pleural Effusion") and labels.unused == 1
    assert labels.images["image2"] == {"Atelectasis": "negative", "Pleural Effusion": "uncertain"}
    found = labels.agreement(dataset, {"Effusion": "Pleural Effusion"})
    assert found["Atelectasis"] == Agreement(boxed=1, unboxed=1, contradicted=1, unlabeled=1)
    assert found["Effusion"] == Agreement(boxed=1, uncertain=1, unlabeled=1)
    assert set(labels.agreement(dataset, {})) == {"Atelectasis"}


def test_they_stand_beside_the_dataset_and_change_nothing_in_it(labeled):
    dataset, table = labeled
    path = write_labels(read_labels(table, dataset), dataset.folder)
    assert path.read_text().splitlines()[:2] == ["image_id,Atelectasis,Pleural Effusion", "image0,positive,negative"]
    assert read_dataset(dataset.folder).fingerprint == dataset.fingerprint
    again = read_labels(table, dataset)
    assert again.images.keys() == {f"image{number}" for number in (0, 1, 2, 4, 5)}


def test_the_verb(labeled):
    dataset, table = labeled
    result = CliRunner().invoke(app, ["labels", str(dataset.folder), str(table)])
    assert result.exit_code == 0, result.output
    assert "no labels for Effusion" in result.output and "wrote labels of 5 of 12 images" in result.output
    assert (dataset.folder / "labels.csv").is_file()


@pytest.mark.parametrize(
    ("old", "new", "options", "message"),
    [
        pytest.param("image1.jpg", "image0.jpg", {}, r"row 3: image 'image0' is duplicated", id="image twice"),
        pytest.param("Path", "where", {}, r"no column 'Path'", id="no column with the image"),
        pytest.param("image", "scan", {}, r"no row is about an image of 'tiny'", id="another dataset's"),
        pytest.param("Path", "Path", {"id_column": "file"}, r"no column 'file'", id="column named wrongly"),
    ],
)
def test_broken(labeled, old, new, options, message):
    dataset, table = labeled
    table.write_text(TABLE.replace(old, new))
    with pytest.raises(UserError, match=message):
        read_labels(table, dataset, **options)


def test_a_table_without_labels(labeled):
    dataset, table = labeled
    table.write_text("Path,Mass\nimage0,large\n")
    with pytest.raises(UserError, match=r"no column of labels; labels are 1, 0, -1"):
        read_labels(table, dataset)


def test_columns_named_wrongly(labeled):
    dataset, table = labeled
    labels = read_labels(table, dataset)
    with pytest.raises(UserError, match=r"no column of labels 'Effusions'"):
        labels.agreement(dataset, {"Effusion": "Effusions"})
    with pytest.raises(UserError, match=r"unknown class 'Edema'"):
        labels.agreement(dataset, {"Edema": "Atelectasis"})
