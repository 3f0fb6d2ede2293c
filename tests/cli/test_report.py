"""``mdfnet report`` and ``card`` from the shell: what they leave behind, and what they refuse."""

import json
import shutil

import pytest
from typer.testing import CliRunner

import mdfnet
from mdfnet.cli import app
from mdfnet.core.errors import UserError


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two untrained models evaluated on the same phantoms: ``plain/test`` and ``fused/test``, and ``data``."""
    from mdfnet.data.phantom import PhantomConfig, write_phantoms

    folder = tmp_path_factory.mktemp("runs")
    dataset = write_phantoms(PhantomConfig(count=12, size=64, splits=(0.5, 0, 0.5)), folder / "data")
    for name, fusion in (("plain", {"map": None, "vector": None}), ("fused", {})):
        keys = {"size": 64, "box_score": 0.0, "classes": dataset.classes, "schema": dataset.schema, **fusion}
        model = mdfnet.build("tiny", **keys).eval()
        model.save(folder / name / "model", dataset=dataset.name)
        mdfnet.evaluate(folder / name, dataset, "test", out=folder / name / "test", replicates=10)
    return folder


def run(*words) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_report_is_a_page_with_figures_and_tables(runs, tmp_path):
    out = tmp_path / "report"
    assert str(out / "report.html") in run(
        "report", "--split", "test", runs / "plain", runs / "fused", "--out", out, "--title", "A & B"
    )
    page = (out / "report.html").read_text()
    assert "A &amp; B" in page and "“fused” sees images and 10 clinical values" in page
    assert page.count("Not a medical device") >= 2 and "Synthetic: images, findings, clinical records" in page
    figures, tables = ({path.name for path in (out / folder).iterdir()} for folder in ("figures", "tables"))
    names = ("differences", "classes", "froc", "froc-findings", "roc-findings", "reliability", "overlap", "mistakes",
             "groups")  # fmt: skip
    assert figures == {f"{name}.{kind}" for name in names for kind in ("svg", "pdf")}
    names = ("differences", "measures", "counts", "further", "mistakes", "groups")
    assert tables == {f"{name}.{kind}" for name in names for kind in ("csv", "tex")}


def test_models_are_called_as_asked_and_evaluations_may_be_named_themselves(runs, tmp_path):
    words = ("--name", "image alone", "--name", "with vital signs", "--out", tmp_path / "report")
    run("report", "--split", "test", runs / "plain/test", runs / "fused/test", *words)
    assert "“with vital signs” reaches" in (tmp_path / "report/report.html").read_text()


def test_cards_of_a_model_and_of_a_dataset(runs, tmp_path):
    assert "TRIPOD-AI.md" in run("card", runs / "fused", "--out", tmp_path / "model")
    assert "README.md" in run("card", runs / "data", "--out", tmp_path / "data")
    assert "pipeline_tag: object-detection" in (tmp_path / "model/README.md").read_text()
    assert "task_categories" in (tmp_path / "data/README.md").read_text()


def refused(*words) -> str:
    with pytest.raises(UserError) as error:
        CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    return str(error.value)


def test_mistakes_are_told(runs, tmp_path):
    out = ("--out", tmp_path / "report")
    assert "score the model first: mdfnet evaluate RUN DATASET" in refused(
        "report", "--split", "test", runs / "plain/model", *out
    )
    assert "1 names for 2 models" in refused(
        "report", "--split", "test", runs / "plain", runs / "fused", "--name", "one", *out
    )
    assert "no model here" in refused("card", tmp_path)
    assert not (tmp_path / "report").exists()


def test_evaluations_of_earlier_versions_are_read(runs, tmp_path):
    pages = []
    for text in ("images", "films"):
        shutil.copytree(runs / "fused", tmp_path / text / "fused")
        path = tmp_path / text / "fused/test/evaluation.json"
        content = json.loads(path.read_text())
        point = {"name": "youden", "fitted": [0.5, 0.25], "sensitivity": [0.5], "sensitivity_intervals": [[0, 1]]}
        point |= {"false_positives_per_image": [0.125], "false_positives_intervals": [[0, 1]]}
        path.write_text(json.dumps(content | {"operating_points": [point]}).replace("_image\"", f"_{text[:-1]}\"")
                        .replace('"images":', f'"{text}":'))  # fmt: skip
        run("report", "--split", "test", tmp_path / text / "fused", "--out", tmp_path / text / "report", "--title", "x")
        pages.append((tmp_path / text / "report/report.html").read_text())
    assert "fused: youden" in pages[0]
    assert pages[1] == pages[0]


def test_a_dataset_that_moved_or_changed_is_told(runs, tmp_path):
    moved, out = tmp_path / "moved", ("--out", tmp_path / "report")
    shutil.copytree(runs / "plain", moved / "plain")
    path = moved / "plain/test/evaluation.json"
    content = json.loads(path.read_text())
    content["about"]["folder"] = str(tmp_path / "nowhere")
    path.write_text(json.dumps(content))
    assert "say where with --dataset" in refused("report", "--split", "test", moved / "plain", *out)
    run("report", "--split", "test", moved / "plain", "--dataset", runs / "data", *out)
    content["about"]["fingerprint"] = "0" * 64
    path.write_text(json.dumps(content))
    assert "is not the one of this evaluation" in refused(
        "report", "--split", "test", moved / "plain", "--dataset", runs / "data", *out
    )
