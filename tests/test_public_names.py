"""What ``import mdfnet`` offers, to people, to programs and to type checkers alike."""

import ast
from importlib.metadata import version
from pathlib import Path

import pytest

import mdfnet


def declared() -> dict[str, str]:
    """Public names as type checkers read them: name -> module below mdfnet."""
    tree = ast.parse(Path(mdfnet.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    return {
        name.asname: node.module.removeprefix("mdfnet.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }


def test_a_type_checker_sees_what_is_imported():
    assert declared() == mdfnet._HOMES


@pytest.mark.parametrize("name", mdfnet.__all__)
def test_every_name_is_there(name):
    assert getattr(mdfnet, name) is not None and name in dir(mdfnet)


def test_the_version_is_that_of_the_installed_package():
    assert mdfnet.__version__ == version("mdfnet")


def test_names_stand_in_order():
    assert mdfnet.__all__ == sorted(mdfnet._HOMES) and list(mdfnet._HOMES) == mdfnet.__all__


def test_another_name_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'biuld'"):
        _ = mdfnet.biuld
