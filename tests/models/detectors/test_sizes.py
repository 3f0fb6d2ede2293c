"""The table of sizes says what making the detectors gives."""

import pytest

from mdfnet.models.detectors.facts import facts
from mdfnet.models.detectors.registry import OWN
from mdfnet.models.detectors.sizes import sizes


def test_every_detector_of_the_package_is_in_the_table():
    assert list(sizes()) == [entry.name for entry in OWN]


@pytest.mark.parametrize("entry", OWN, ids=lambda entry: entry.name)
def test_the_table_is_right(entry):
    if not entry.installed:
        pytest.skip(f"{entry.library} is not installed")
    found = facts(entry)
    assert (found.parameters, found.strides) == (sizes()[entry.name].parameters, sizes()[entry.name].strides)
