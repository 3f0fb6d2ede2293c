"""An Orthanc in a process of its own, for tests and benchmarks."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from running_server import end, free_ports

DICOMWEB = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
USER, PASSWORD = "mdfnet", "mdfnet-test"


@dataclass(frozen=True)
class Archive:
    """A running Orthanc.

    Args:
        url, dicom_port: Where it is.
        password_file: For the node.
    """

    url: str
    dicom_port: int
    password_file: Path

    def get(self, path: str):
        """What its REST interface says."""
        answer = requests.get(self.url + path, auth=(USER, PASSWORD), timeout=30)
        answer.raise_for_status()
        return answer.json() if "json" in answer.headers.get("Content-Type", "") else answer.content

    def send(self, path: Path) -> str:
        """Store a file; gives its id in Orthanc."""
        answer = requests.post(f"{self.url}/instances", data=path.read_bytes(), auth=(USER, PASSWORD), timeout=30)
        answer.raise_for_status()
        return answer.json()["ID"]

    def contents(self) -> dict[str, str]:
        """Hash of each object, by its id."""
        return {key: self.get(f"/instances/{key}/attachments/dicom/md5").decode() for key in self.get("/instances")}

    def settings(self, kind: str = "orthanc") -> dict:
        """How a node reaches it."""
        url = self.url if kind == "orthanc" else f"{self.url}/dicom-web"
        return {"kind": kind, "url": url, "user": USER, "password_file": str(self.password_file)}


@contextmanager
def running_orthanc(program: str, folder: Path) -> Iterator[Archive]:
    """An empty Orthanc. It listens on all addresses, as Debian's does: run in a network namespace, as make does."""
    http, dicom, ours = free_ports(3)
    (folder / "storage").mkdir(parents=True)
    settings = {
        "Name": "mdfnet-test",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": http,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        "DicomAet": "TESTPACS",
        "DicomPort": dicom,
        "DicomCheckCalledAet": True,
        "DicomCheckModalityHost": True,
        **{f"DicomAlwaysAllow{what}": False for what in ("Store", "Echo", "Find", "Get", "Move")},
        "DicomModalities": {"mdfnet": ["MDFNET", "127.0.0.1", ours]},
        "OverwriteInstances": False,
        "StableAge": 1,
        "DeflatedTransferSyntaxAccepted": False,
        "WebDavEnabled": False,
        "Plugins": [str(DICOMWEB)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "EnableWado": True},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    (folder / "password").write_text(PASSWORD + "\n")
    with open(folder / "log", "w") as log:
        running = subprocess.Popen([program, folder / "orthanc.json"], stdout=log, stderr=log)
    archive = Archive(f"http://127.0.0.1:{http}", dicom, folder / "password")
    try:
        _wait_for(archive, running, folder / "log")
        yield archive
    finally:
        end(running)


def _wait_for(archive: Archive, running: subprocess.Popen, log: Path) -> None:
    for _ in range(200):
        try:
            archive.get("/system")
            return
        except requests.RequestException:
            assert running.poll() is None, log.read_text()
            time.sleep(0.1)
    raise AssertionError(log.read_text())
