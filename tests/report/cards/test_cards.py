"""Cards and checklists: the hub can read them, they say what the run knows and no more, a person's text stays."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml
from huggingface_hub import DatasetCard as HubDatasetCard
from huggingface_hub import ModelCard as HubModelCard

import mdfnet
from mdfnet.models.card import NOTICE, read_card
from mdfnet.models.fusion.encoder import ENCODERS, PaperEncoder
from mdfnet.report.cards import markdown
from mdfnet.report.cards.answers import PAPER_ENCODERS, SCALING, TO_FILL_IN
from mdfnet.report.cards.checklists import CHECKLISTS, read_checklist
from mdfnet.report.cards.dataset_card import dataset_card, write_dataset_card
from mdfnet.report.cards.model_card import write_model_cards

FILES = ["CLAIM.md", "README.md", "TRIPOD-AI.md"]


TRIPOD = (
    "1 2 3a 3b 3c 4 5a 5b 6a 6b 6c 7 8a 8b 8c 9a 9b 9c 10 11 12a 12b 12c 12d 12e 12f 12g 13 14 15 16 17 18a 18b 18c 18d"
    " 18e 18f 19 20a 20b 20c 21 22 23a 23b 24 25 26 27a 27b 27c"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """An untrained fused model in a run's folder, evaluated on the test images of a phantom."""
    from mdfnet.data.phantom import PhantomConfig, write_phantoms

    folder = tmp_path_factory.mktemp("runs") / "fused"
    dataset = write_phantoms(PhantomConfig(count=12, size=64, splits=(0.5, 0.25, 0.25)), folder.parent / "data")
    model = mdfnet.build("tiny", size=64, box_score=0.0, classes=dataset.classes, schema=dataset.schema)
    facts = {"dataset": dataset.name, "source": "made | up", "license": "CC0-1.0", "synthetic": list(dataset.synthetic)}
    model.save(folder / "model", **facts, images={"train": 6, "val": 3}, validation={"epoch": 1, "AP@IoU=0.5": 0.25})
    mdfnet.evaluate(folder, dataset, "test", out=folder / "test", replicates=10)
    return folder


@pytest.fixture
def cards(run, tmp_path) -> dict[str, str]:
    return {path.name: path.read_text() for path in write_model_cards(run, tmp_path / "cards")}


def test_the_hub_reads_the_header(cards):
    data = HubModelCard(cards["README.md"]).data
    assert (data.pipeline_tag, data.library_name, data.license) == ("object-detection", "mdfnet", "other")
    assert {"research-use-only", "synthetic-data", "clinical-data"} <= set(data.tags)
    found = {result.metric_type: result for result in data.eval_results}
    assert data.model_name == "fused" and 0 <= found["AP@IoU=0.5"].metric_value <= 1
    assert found["AP@IoU=0.5"].dataset_split == "test" and found["AUROC"].dataset_name == "phantom"


def test_the_numbers_are_those_of_the_evaluation(cards, run):
    scores = mdfnet.metrics.Evaluation.from_dict(json.loads((run / "test/evaluation.json").read_text())["evaluation"])
    assert f"| all | {sum(scores.truths):,} | {scores.mean('AP@IoU=0.5'):.2f} (" in cards["README.md"]
    weights = read_card(run / "model").weights_sha256
    assert all(NOTICE in text.replace("**", "") for text in cards.values()) and weights in cards["README.md"]


@pytest.mark.parametrize(
    ("name", "item", "answer"),
    [
        pytest.param("CLAIM", "12", "Nothing is filled in", id="known from the config"),
        pytest.param("CLAIM", "7", "made \\| up", id="a source that would break the table"),
        pytest.param("CLAIM", "26", "epoch 2, 0.250", id="epochs as people count them"),
        pytest.param("CLAIM", "37", "Mean AP at IoU 0.5 on the test split of phantom", id="known from the evaluation"),
        pytest.param("CLAIM", "33", TO_FILL_IN, id="no external data: not claimed"),
        pytest.param("CLAIM", "16", TO_FILL_IN, id="what only people know"),
        pytest.param("TRIPOD-AI", "9b", "temperature (Cel)", id="predictors with units"),
        pytest.param("TRIPOD-AI", "14", "Too small to tell: ", id="groups of three images are too small"),
        pytest.param("TRIPOD-AI", "17", TO_FILL_IN, id="ethics"),
    ],
)
def test_checklists_answer_what_the_run_knows(cards, name, item, answer):
    (row,) = [line for line in cards[f"{name}.md"].splitlines() if line.startswith(f"| {item} |")]
    assert answer in row and row.replace("\\|", "").count("|") == 4


def test_a_fusion_that_was_not_kept_is_said_to_change_nothing(run, tmp_path):
    copy = shutil.copytree(run / "model", tmp_path / "model")
    path = copy / "model.json"
    path.write_text(path.read_text().replace('"epoch": 1', '"epoch": -1'), encoding="utf-8")
    write_model_cards(copy)
    text = (copy / "CLAIM.md").read_text()
    assert "the detector alone, 0.250. No epoch of the fusion was shown to be better, so that records change" in text
    assert "10 epochs of the detector on images alone, then 5 of the fusion on it, in batches of 8" in text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("claim", [str(number) for number in range(1, 45)], id="CLAIM 2024 has 44 items"),
        pytest.param(
            "tripod-ai",
            [
                "1",
                "2",
                "3a",
                "3b",
                "3c",
                "4",
                "5a",
                "5b",
                "6a",
                "6b",
                "6c",
                "7",
                "8a",
                "8b",
                "8c",
                "9a",
                "9b",
                "9c",
                "10",
                "11",
                "12a",
                "12b",
                "12c",
                "12d",
                "12e",
                "12f",
                "12g",
                "13",
                "14",
                "15",
                "16",
                "17",
                "18a",
                "18b",
                "18c",
                "18d",
                "18e",
                "18f",
                "19",
                "20a",
                "20b",
                "20c",
                "21",
                "22",
                "23a",
                "23b",
                "24",
                "25",
                "26",
                "27a",
                "27b",
                "27c",
            ],
            id="TRIPOD+AI has 27 with their parts",
        ),
    ],
)
def test_checklists_are_whole(name, expected):
    assert [item["item"] for section in read_checklist(name)["sections"] for item in section["items"]] == expected


def test_answers_of_checklists_exist(run):
    from mdfnet.report.cards import answers
    from mdfnet.report.cards.subject import Subject

    subject = Subject.read(run)
    known = {
        *answers._of_model(subject), *answers._of_training(subject), *answers._of_evaluation(subject),
        *answers._of_test(subject, subject.tested),
    }  # fmt: skip
    asked = {item["answer"] for name in CHECKLISTS for section in read_checklist(name)["sections"]
             for item in section["items"] if "answer" in item}  # fmt: skip
    assert asked <= known


@pytest.mark.parametrize("encoder", ENCODERS)
def test_what_becomes_of_values_is_known_for_every_encoder(encoder):
    assert SCALING[encoder] and (encoder in PAPER_ENCODERS) == issubclass(ENCODERS[encoder], PaperEncoder)


def test_a_model_that_was_not_evaluated_says_so(run, tmp_path):
    mdfnet.load(run / "model").save(tmp_path / "model")
    card = write_model_cards(tmp_path / "model")[0].read_text()
    assert "Not evaluated yet" in card and "model-index" not in card


def test_cards_lie_beside_the_weights_and_the_model_loads(run):
    assert sorted(path.name for path in write_model_cards(run)) == FILES
    assert (run / "model/README.md").is_file() and mdfnet.load(run / "model")
    write_model_cards(run)  # once more, over its own


def test_what_a_person_wrote_stays(run, tmp_path):
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(mdfnet.UserError, match="not one that this command wrote"):
        write_model_cards(run, tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


def test_an_evaluation_of_other_weights_is_refused_or_passed_over(run, tmp_path):
    model = mdfnet.build("tiny", size=64)
    model.save(tmp_path / "model")
    with pytest.raises(mdfnet.UserError, match="other weights"):
        write_model_cards(tmp_path, evaluations=[run / "test"])


def test_the_dataset_card(tiny_dataset):
    dataset = tiny_dataset()
    path = write_dataset_card(dataset.folder)
    data = HubDatasetCard.load(path).data
    assert (data.license, data.task_categories, data.size_categories) == ("cc0-1.0", ["object-detection"], ["n<1K"])
    text = path.read_text()
    assert "**Synthetic: images.**" in text and dataset.fingerprint in text and NOTICE in text.replace("**", "")
    assert mdfnet.read_dataset(dataset.folder).fingerprint == dataset.fingerprint
    assert dataset_card(dataset) == text


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        pytest.param("CC-BY-4.0", {"license": "cc-by-4.0"}, id="a name of the hub"),
        pytest.param("PhysioNet 1.5.0", {"license": "other", "license_name": "physionet-1.5.0"}, id="another"),
    ],
)
def test_licenses(terms, expected):
    assert markdown.license_header(terms) == expected


def test_headers_are_yaml_whatever_names_hold():
    text = markdown.page({"pretty_name": "a: [b"}, ["# x"])
    assert yaml.safe_load(text.split("---")[1]) == {"pretty_name": "a: [b"}
