"""What lies in ``deploy/`` fits to the program and to itself; nothing of it can be run without a container engine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import clinic_ohif
import pytest
import yaml

from mdfnet.services.pacs import settings
from mdfnet.services.pacs.settings import NodeConfig, load_node

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "mdfnet-node.service"


@pytest.mark.parametrize("name", ["node.yaml", "node-service.yaml"])
def test_configs_are_read(name):
    assert isinstance(load_node(DEPLOY / name), NodeConfig)


def test_containers_hold_little_and_listen_to_this_machine_alone():
    composition = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for name, service in composition["services"].items():
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
    for name in ("archive", "viewer"):
        folder = DEPLOY / composition["services"][name]["build"]
        copied = re.findall(r"^COPY (?!--)(.*) \S+$", (folder / "Dockerfile").read_text(), re.M)
        assert copied and all((folder / file).is_file() for files in copied for file in files.split())
    assert composition["networks"]["inside"] == {"internal": True}
    config, archive = load_node(DEPLOY / "node.yaml"), json.loads((DEPLOY / "archive/orthanc.json").read_text())
    assert (
        config.source.url == f"http://archive:{archive['HttpPort']}"
        and config.source.user in archive["RegisteredUsers"]
    )
    assert archive["AuthenticationEnabled"] and not archive["OverwriteInstances"]
    assert f"proxy_pass {config.source.url};" in (DEPLOY / "viewer/nginx.conf").read_text()


def test_the_viewer_is_configured_as_the_one_that_is_tested():
    text = (DEPLOY / "viewer/app-config.js").read_text()
    assert json.loads(text.removeprefix("window.config = ").rstrip(";\n")) == clinic_ohif.CONFIG


def test_the_service_is_what_the_config_expects(tmp_path):
    unit = RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read(UNIT)
    service, text = unit["Service"], UNIT.read_text()
    assert service["DynamicUser"] == service["NoNewPrivileges"] == "yes" and service["ProtectSystem"] == "strict"
    config = load_node(DEPLOY / "node-service.yaml")
    assert str(config.state) == f"/var/lib/{service['StateDirectory']}"
    for path in (config.source.password_file, config.record.token_file):
        assert f"LoadCredential={path.name}:" in text and path.parent.name == UNIT.name
    if not shutil.which("systemd-analyze"):
        pytest.skip("NEEDS systemd-analyze to verify the unit")
    copy = tmp_path / UNIT.name
    copy.write_text(text.replace(service["ExecStart"].split()[0], "/bin/true"))
    answer = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True)
    assert answer.returncode == 0 and UNIT.name not in answer.stderr, answer.stderr


def test_configs_of_the_guide_are_read(tmp_path):
    """The whole one, and each of the others in its place."""
    page = (ROOT / "docs/how-to/pacs.md").read_text()
    whole, *parts = map(yaml.safe_load, re.findall(r"^```yaml\n(.*?)^```$", page, re.M | re.S))
    assert len(parts) == 3
    for part in ({}, *parts):
        (tmp_path / "node.yaml").write_text(yaml.safe_dump({**whole, **part}))
        load_node(tmp_path / "node.yaml")


def test_every_key_of_the_node_is_in_the_reference():
    """Section by section, with its default."""
    parts = re.split(r"^## (.*)$", (ROOT / "docs/reference/node.md").read_text(), flags=re.M)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    for name, known in settings.keys().items():
        text = sections[name or "The whole"]
        rows = dict(re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", text, re.M))
        if "web address" in text.split("\n\n")[1]:
            rows |= dict(re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", sections["Servers"], re.M))
        assert set(rows) == set(known), name
