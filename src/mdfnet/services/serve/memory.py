"""Files that are only memory: for readers that want a path, and for other processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def in_memory(data: bytes) -> Iterator[int]:
    """A descriptor of memory that holds the data; it is gone when the block ends. Linux only.

    Examples:
        >>> with in_memory(b"image") as descriptor:
        ...     open(path_of(descriptor), "rb").read()
        b'image'
    """
    descriptor = os.memfd_create("image", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(data)
        yield descriptor
    finally:
        os.close(descriptor)


def path_of(descriptor: int) -> str:
    """Under which this process can open it anew, from its start."""
    return f"/proc/self/fd/{descriptor}"
