import numpy as np
import pytest
from PIL import Image

from mdfnet.core.errors import UserError
from mdfnet.data.images.read import read_image
from mdfnet.data.mimic.images import NO_FILE, OTHER_SIZE, UNREADABLE, fault_of, place_image


def image(path, width=640, height=800, **options):
    """A smooth image, as images are."""
    y, x = np.mgrid[:height, :width]
    Image.fromarray((127 + 60 * np.sin(x / 90) + 60 * np.cos(y / 70)).astype(np.uint8)).save(
        path, quality=95, **options
    )
    return path


@pytest.mark.parametrize(
    ("name", "size", "fault"),
    [
        pytest.param("a.jpg", (640, 800), None, id="good"),
        pytest.param("a.jpg", (800, 640), OTHER_SIZE, id="turned"),
        pytest.param("b.jpg", (640, 800), NO_FILE, id="absent"),
        pytest.param("c.jpg", (640, 800), UNREADABLE, id="no picture"),
    ],
)
def test_faults(tmp_path, name, size, fault):
    image(tmp_path / "a.jpg")
    (tmp_path / "c.jpg").write_bytes(b"<html>")
    assert fault_of(tmp_path / name, *size) == fault


@pytest.mark.parametrize("size", [(320, 400), (213, 267), (639, 799)])
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_resized_is_as_if_decoded_whole(tmp_path, size, form):
    source = image(tmp_path / "a.jpg", format=form)
    place_image(source, tmp_path / "out.jpg", size, link=False, place="row 7")
    whole = Image.open(source).convert("L").resize(size, Image.Resampling.LANCZOS)
    difference = read_image(tmp_path / "out.jpg").astype(int) - np.asarray(whole, int)
    assert np.abs(difference).mean() < 1 and np.abs(difference).max() < 12


@pytest.mark.parametrize("link", [False, True])
def test_original_bytes_are_kept(tmp_path, link):
    source = image(tmp_path / "a.jpg")
    place_image(source, tmp_path / "out" / "b.jpg", (640, 800), link, "row 7")
    copy = tmp_path / "out" / "b.jpg"
    assert copy.read_bytes() == source.read_bytes() and copy.samefile(source) == link and not copy.is_symlink()


@pytest.mark.parametrize("size", [(640, 800), (320, 400)], ids=["copied", "resized"])
def test_damage_is_told_without_the_path(tmp_path, size):
    source = image(tmp_path / "p10000001.jpg")
    data = source.read_bytes()
    source.write_bytes(data[:200] if size[0] == 640 else data[: len(data) // 2])
    with pytest.raises(UserError, match=r"^row 7: ") as error:
        place_image(source, tmp_path / "b.jpg", size, link=False, place="row 7")
    assert "10000001" not in str(error.value) and not (tmp_path / "b.jpg").exists()
