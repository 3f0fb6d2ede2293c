"""Made-up releases on disk, written once."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_up_mimic import Release
from random_mimic import Truth, random_release


@pytest.fixture(scope="session")
def made_up() -> tuple[Release, Truth]:
    """A random miniature; not to be changed."""
    return random_release()


@pytest.fixture(scope="session")
def releases(made_up, tmp_path_factory) -> Path:
    """It as PhysioNet delivers it; not to be written to."""
    return made_up[0].write(tmp_path_factory.mktemp("releases"))


@pytest.fixture(scope="session")
def eye(made_up, tmp_path_factory) -> Path:
    """It in the layout of MIMIC-Eye; not to be written to."""
    return made_up[0].write_eye(tmp_path_factory.mktemp("eye"))
