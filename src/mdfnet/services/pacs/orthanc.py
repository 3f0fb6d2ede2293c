"""An Orthanc: its feed of changes tells what is new; its REST interface gives images and takes reports."""

from __future__ import annotations

from collections.abc import Iterator

from mdfnet.services.pacs.suitable import STORAGE
from mdfnet.services.pacs.web import Rejected, Server

#: Changes asked for at a time.
BATCH = 100


class Orthanc:
    """A source of images and a target of reports.

    Args:
        server: Orthanc's root.
        start: Where to begin when nothing has been noted yet: "now", or at the "beginning" of its feed.
    """

    def __init__(self, server: Server, start: str = "now"):
        self.server, self.start = server, start

    def new(self, facts: dict[str, str]) -> Iterator[tuple[list[str], dict[str, str], dict[str, int]]]:
        """New images, how far the feed has been read, and what was passed over by its kind; batch by batch.

        Args:
            facts: What was noted last time.
        """
        if "change" not in facts and self.start == "now":
            yield [], {"change": str(self.server.json("/changes?last")["Last"])}, {}
            return
        last, done = int(facts.get("change", 0)), False
        while not done:
            feed = self.server.json("/changes", params={"since": last, "limit": BATCH})
            images, others = [], {}
            for change in feed["Changes"]:
                if change["ChangeType"] == "NewInstance":
                    kind = self._kind(change["ID"])
                    if kind in STORAGE:
                        images.append(change["ID"])
                    elif kind is not None:
                        others[kind] = others.get(kind, 0) + 1
            last, done = feed["Last"], feed["Done"]
            yield images, {"change": str(last)}, others

    def fetch(self, key: str) -> bytes:
        """An image's file. Raises Rejected when it is not there any more."""
        return self.server.ask(f"/instances/{key}/file")[1]

    def store(self, content: bytes) -> None:
        """Keep an object; one that is there already stays."""
        self.server.give("/instances", content, headers={"Content-Type": "application/dicom"})

    def finished(self, key: str) -> None:
        """Nothing to clear away."""

    def _kind(self, key: str) -> str | None:
        """Storage class of an instance, None where it is gone."""
        try:
            return self.server.ask(f"/instances/{key}/metadata/SopClassUid")[1].decode("ascii", "replace").strip()
        except Rejected:
            return None
