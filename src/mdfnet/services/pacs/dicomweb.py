"""Any archive that speaks DICOMweb (PS3.18): QIDO-RS finds images, WADO-RS fetches them, STOW-RS keeps reports."""

from __future__ import annotations

import json
import re
import secrets
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from mdfnet.services.pacs.archive import Found, Rejected
from mdfnet.services.pacs.suitable import STORAGE
from mdfnet.services.pacs.web import HttpClient

#: Series or instances asked for at a time.
PAGE = 100
#: Failure reason of an object that the archive has already.
DUPLICATE = 0x0111

_CONFLICT, _FAILED, _REASON = 409, "00081198", "00081197"
_STUDY, _SERIES, _INSTANCE, _CLASS, _COUNT = "0020000D", "0020000E", "00080018", "00080016", "00201209"


class Dicomweb:
    """A source of images and a target of reports, see `mdfnet.services.pacs.archive`.

    Studies of so many days are looked at, today's included.
    """

    def __init__(self, server: HttpClient, days: int = 2):
        self.server, self.days = server, days

    def new(self, facts: dict[str, str]) -> Iterator[Found]:
        """Images of the last days, series by series; those of series that have not grown are left out.

        There is no cursor: what is known of each series is how many instances it had.
        """
        since = datetime.now() - timedelta(days=self.days - 1)
        known: dict[str, int] = json.loads(facts.get("series") or "{}")
        there: dict[str, int] = {}
        for modality in ("CR", "DX"):
            asked = {"Modality": modality, "StudyDate": f"{since:%Y%m%d}-", "includefield": _COUNT}
            for series in self._pages("/series", asked):
                study, name, count = str(_value(series, _STUDY)), str(_value(series, _SERIES)), _value(series, _COUNT)
                there[name] = count if isinstance(count, int) else -1  # not told: ask each time
                if there[name] == -1 or known.get(name) != there[name]:
                    images, others = self._images(study, name)
                    known[name] = there[name]
                    yield images, {"series": json.dumps(known)}, others
        recent = {name: count for name, count in known.items() if name in there}
        yield [], {"series": json.dumps(recent)}, {}

    def fetch(self, key: str) -> bytes:
        study, series, instance = key.split("/")
        path = f"/studies/{study}/series/{series}/instances/{instance}"
        accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
        response, content = self.server.get(path, headers={"Accept": accept})
        return _only_part(content, response.headers.get("Content-Type", ""))

    def store(self, content: bytes) -> None:
        boundary = secrets.token_hex(16)
        head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
        headers = {"Content-Type": kind, "Accept": "application/dicom+json"}
        body = b"".join((head, content, f"\r\n--{boundary}--\r\n".encode()))
        response, answer = self.server.post("/studies", body, but=(_CONFLICT,), headers=headers)
        reasons = _failures(answer)
        if reasons and all(reason == DUPLICATE for reason in reasons):
            return
        if reasons or response.status_code == _CONFLICT:
            codes = ", ".join(f"{reason:04X}" for reason in reasons) or "none given"
            raise Rejected(f"the archive does not keep it (failure reason {codes})")

    def finished(self, key: str) -> None:
        """Nothing to clear away."""

    def _images(self, study: str, series: str) -> tuple[list[str], dict[str, int]]:
        images, others = [], Counter[str]()
        for instance in self._pages(f"/studies/{study}/series/{series}/instances", {}):
            kind = str(_value(instance, _CLASS))
            if kind in STORAGE:
                images.append(f"{study}/{series}/{_value(instance, _INSTANCE)}")
            else:
                others[kind] += 1
        return images, others

    def _pages(self, path: str, asked: dict[str, str]) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            params = {**asked, "limit": PAGE, "offset": offset}
            page = self.server.json(path, params=params, headers={"Accept": "application/dicom+json"}) or []
            yield from page
            if len(page) < PAGE:
                return
            offset += len(page)


def _failures(answer: bytes) -> list[int]:
    """Failure reasons of an answer to STOW-RS (PS3.18 table 10.5.3-1, PS3.4 table CC.2.5); none where all is kept."""
    try:
        failed = json.loads(answer or b"{}").get(_FAILED, {}).get("Value") or []
        return [int(_value(one, _REASON) or 0) for one in failed]
    except (AttributeError, TypeError, ValueError):  # an answer in words
        return []


def _value(item: dict[str, Any], tag: str) -> str | int | None:
    value: str | int | None = (item.get(tag, {}).get("Value") or [None])[0]
    return value


def _only_part(content: bytes, kind: str) -> bytes:
    """The body of a multipart answer with one part (RFC 2046, section 5.1)."""
    boundary = re.search(r'boundary="?([^";,]+)', kind)
    if not boundary:
        raise Rejected("the archive answered without parts")
    line = b"--" + boundary[1].strip().encode()
    start, end = content.find(line), content.rfind(b"\r\n" + line)
    blank = content.find(b"\r\n\r\n", start)
    if start < 0 or end < blank or blank < 0:
        raise Rejected("the archive answered with damaged parts")
    return content[blank + 4 : end]
