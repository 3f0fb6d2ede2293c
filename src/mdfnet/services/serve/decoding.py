"""The process that decodes images: it holds no secret, writes no file, and has little memory and time.

Run as ``python -m mdfnet.services.serve.decoding SOCKET MEMORY``; see `mdfnet.services.serve.decoders` for the other
end. A request is a line of JSON with the image's file descriptor beside it; an answer is a line of JSON, and the pixels
after it.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from mdfnet.core.arrays import Array
from mdfnet.core.errors import UserError
from mdfnet.data.images.dicom import Unsuitable
from mdfnet.data.images.intensity import Intensity
from mdfnet.data.images.viewing import read_for_viewing
from mdfnet.services.serve.memory import path_of

#: What a line of a request or an answer may have, in bytes.
LINE = 65536


def limit(memory: int) -> None:
    """From now on: no file of any size, no core dump, few descriptors, and this much more address space."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + memory
    limits = {resource.RLIMIT_AS: most, resource.RLIMIT_FSIZE: 0, resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: 64}
    for kind, value in limits.items():
        resource.setrlimit(kind, (value, value))


def allow_seconds(seconds: float) -> None:
    """Processor time for the next image; beyond it the kernel ends this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def decode(path: str, intensity: Intensity) -> tuple[dict[str, Any], list[Array]]:
    """Head of the answer and the pictures that follow it: the model's image and the viewer's."""
    image, values, viewing = read_for_viewing(path, intensity)
    taken = viewing.taken.isoformat() if viewing.taken else None
    pictures = [np.ascontiguousarray(image), np.ascontiguousarray(values)]
    form = {"shape": values.shape, "dtypes": [picture.dtype.str for picture in pictures]}
    return {**vars(viewing), "taken": taken, **form}, pictures


def answer(connection: socket.socket) -> bool:
    """Read a request, decode, answer; False when the other end is gone."""
    line, descriptors, _, _ = socket.recv_fds(connection, LINE, 1)
    if not line:
        return False
    request = json.loads(line)
    (descriptor,) = descriptors
    pictures: list[Array] = []
    try:
        allow_seconds(request["seconds"])
        head, pictures = decode(path_of(descriptor), request["intensity"])
    except UserError as error:
        code = "unsuitable_image" if isinstance(error, Unsuitable) else "not_an_image"
        head = {"refused": code, "what": error.what, "fix": error.fix}
    except MemoryError:
        head = {"refused": "not_an_image", "what": "the image takes more memory than an image may", "fix": None}
    finally:
        os.close(descriptor)
    connection.sendall(json.dumps(head).encode() + b"\n")
    for picture in pictures:
        connection.sendall(picture.data.cast("B"))
    return True


def main() -> None:
    """Serve until the other end closes."""
    warnings.simplefilter("ignore")  # they can quote what is in a header
    connection = socket.socket(fileno=int(sys.argv[1]))
    limit(int(sys.argv[2]))
    connection.sendall(b"ready\n")
    while answer(connection):
        pass


if __name__ == "__main__":
    main()
