"""An Orthanc: its feed of changes tells what is new; its REST interface gives images and takes reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mdfnet.services.pacs.archive import Found, Rejected
from mdfnet.services.pacs.suitable import STORAGE
from mdfnet.services.pacs.web import HttpClient

#: Changes asked for at a time.
BATCH = 100


class Orthanc:
    """A source of images and a target of reports, see `mdfnet.services.pacs.archive`.

    Where nothing has been noted yet it starts "now", or at the "beginning" of the feed.
    """

    def __init__(self, server: HttpClient, start: str = "now"):
        self.server, self.start = server, start

    def new(self, facts: dict[str, str]) -> Iterator[Found]:
        if "change" not in facts and self.start == "now":
            yield [], {"change": str(self.server.json("/changes?last")["Last"])}, {}
            return
        last, done = int(facts.get("change", 0)), False
        while not done:
            feed = self.server.json("/changes", params={"since": last, "limit": BATCH})
            images, others = [], Counter[str]()
            for change in feed["Changes"]:
                if change["ChangeType"] == "NewInstance":
                    kind = self._kind(change["ID"])
                    if kind in STORAGE:
                        images.append(change["ID"])
                    elif kind is not None:
                        others[kind] += 1
            last, done = feed["Last"], feed["Done"]
            yield images, {"change": str(last)}, others

    def fetch(self, key: str) -> bytes:
        return self.server.get(f"/instances/{key}/file")[1]

    def store(self, content: bytes) -> None:
        self.server.post("/instances", content, headers={"Content-Type": "application/dicom"})

    def finished(self, key: str) -> None:
        """Nothing to clear away."""

    def _kind(self, key: str) -> str | None:
        """Storage class of an instance, None where it is gone."""
        try:
            return self.server.get(f"/instances/{key}/metadata/SopClassUid")[1].decode("ascii", "replace").strip()
        except Rejected:
            return None
