"""The demo from end to end, on a few small images."""

import mdfnet.cli.run_demo as demo
from mdfnet.models.config import load_config


def test_the_demo_leaves_data_models_scores_and_a_report(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "IMAGES", 24)
    monkeypatch.setattr(demo, "SIZE", 64)
    monkeypatch.setattr(demo, "load_config", lambda name, keys: load_config(name, {**keys, "epochs": 1, "size": 64}))
    lines = []
    scored = demo.run_demo(tmp_path / "demo", seed=3, log=lines.append)
    assert list(scored) == ["image-only", "fused"]
    assert scored["image-only"].evaluation.images == scored["fused"].evaluation.images
    page = (tmp_path / "demo" / "report.html").read_text()
    assert "Not a medical device" in page and "ynthetic" in page and "http" not in page.replace("http://www.w3.org", "")
    for name in ("image-only", "fused"):
        assert (tmp_path / "demo" / name / "test" / "evaluation.json").is_file()
        assert (tmp_path / "demo" / name / "model" / "model.json").is_file()
    assert any("synthetic" in line for line in lines)
