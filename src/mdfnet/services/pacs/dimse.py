"""Archives that do not speak HTTP: images are received and reports are sent by C-STORE (PS3.4 B)."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import cast

import pydicom
from pydicom.uid import ComprehensiveSRStorage, GrayscaleSoftcopyPresentationStateStorage, SecondaryCaptureImageStorage
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.transport import ThreadedAssociationServer

from mdfnet.core.errors import UserError
from mdfnet.core.files import replacing
from mdfnet.data.images.dicom_file import MOST_BYTES
from mdfnet.services.pacs.archive import Found, Rejected, Unreachable
from mdfnet.services.pacs.settings import ReceiveSource, StoreTarget
from mdfnet.services.pacs.suitable import STORAGE

#: C-STORE status (PS3.7 C.2.3, PS3.4 table B.2-1).
_SUCCESS, _OUT_OF_RESOURCES, _REFUSED, _DUPLICATE = 0x0000, 0xA700, 0x0122, 0x0111
_SENT = (ComprehensiveSRStorage, SecondaryCaptureImageStorage, GrayscaleSoftcopyPresentationStateStorage)
_VERIFICATION, _EXPLICIT, _RLE = "1.2.840.10008.1.1", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"
_COMPRESSED = (_RLE, *(f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 57, 70, 80, 81, 90, 91)))
_log = logging.getLogger(__name__)


class Receiver:
    """A source of images that are sent to us. What has been accepted is kept in a folder until it is answered."""

    def __init__(self, settings: ReceiveSource, folder: Path):
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.server = self._listen(settings)
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            raise UserError(f"cannot listen: {error.strerror}", where=where, fix="name another port") from None

    def new(self, facts: dict[str, str]) -> Iterator[Found]:
        """All images in the folder; the journal knows which are new."""
        yield sorted(path.stem for path in self.folder.glob("[0-9a-f]*.dcm")), {}, {}

    def fetch(self, key: str) -> bytes:
        try:
            return (self.folder / f"{key}.dcm").read_bytes()
        except FileNotFoundError:
            raise Rejected("the image is gone") from None

    def finished(self, key: str) -> None:
        (self.folder / f"{key}.dcm").unlink(missing_ok=True)

    def close(self) -> None:
        self.server.shutdown()

    def _listen(self, settings: ReceiveSource) -> ThreadedAssociationServer:
        entity = AE(settings.ae_title)
        entity.require_called_aet = True
        entity.require_calling_aet = list(settings.callers)
        syntaxes = AllStoragePresentationContexts[0].transfer_syntax
        for kind in STORAGE:
            entity.add_supported_context(kind, [*syntaxes, *_COMPRESSED])
        entity.add_supported_context(_VERIFICATION)
        handlers: list[evt.EventHandlerType] = [
            (evt.EVT_C_STORE, self._received),
            (evt.EVT_C_ECHO, lambda event: _SUCCESS),
        ]
        server = entity.start_server((settings.host, settings.port), block=False, evt_handlers=handlers)
        assert server is not None, "only a blocking one gives nothing"
        return server

    def _received(self, event: evt.Event) -> int:
        """Success is only said of an image that is on disk."""
        try:
            content = event.encoded_dataset()
            if len(content) > MOST_BYTES:
                return _REFUSED
            uid = cast(C_STORE, event.request).AffectedSOPInstanceUID
            key = hashlib.sha256(str(uid).encode()).hexdigest()[:40]
            with replacing(self.folder / f"{key}.dcm") as draft, open(draft, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except Exception as error:  # of many kinds; the sender keeps the image and tries again
            _log.error("an image could not be received: %s", type(error).__name__)
            return _OUT_OF_RESOURCES
        return _SUCCESS


class Store:
    """A target of reports that takes them by C-STORE."""

    def __init__(self, settings: StoreTarget):
        self.settings = settings
        self.entity = AE(settings.calling)
        self.entity.acse_timeout = self.entity.dimse_timeout = self.entity.network_timeout = 30
        for kind in _SENT:
            self.entity.add_requested_context(kind, [_EXPLICIT, _RLE] if "Capture" in kind.name else [_EXPLICIT])

    def store(self, content: bytes) -> None:
        to = self.settings
        association = self.entity.associate(to.host, to.port, ae_title=to.ae_title)
        if not association.is_established:
            raise Unreachable("the archive takes no association")
        try:
            status = association.send_c_store(pydicom.dcmread(BytesIO(content)))
        except ValueError:
            raise Rejected("the archive does not take this kind of object") from None
        finally:
            association.release()
        code = status.get("Status")
        if code is None or code >> 8 == 0xA7:
            raise Unreachable("the archive could not store it now")
        if code not in (_SUCCESS, _DUPLICATE) and code >> 12 != 0xB:  # B...: stored, with a warning
            raise Rejected(f"the archive answered status {code:04X}")
