"""How fusion hangs on a detector: hidden values, outputs of any kind, rows that line up."""

from collections import OrderedDict

import pytest
import torch
from torch import Tensor, nn

from mdfnet.core.types import Detections
from mdfnet.models.detectors.base import Detector, MapSite, VectorSite
from mdfnet.models.fusion.attach import ClinicalFusion, ModalityDropout
from mdfnet.models.fusion.encoder import Patients

NAN = float("nan")


@pytest.mark.parametrize(
    ("records", "values", "whole", "single"),
    [
        pytest.param(0, 0, 0, 0, id="nothing hidden"),
        pytest.param(1, 0, 1, 1, id="all records"),
        pytest.param(0, 1, 1, 1, id="all values"),
        pytest.param(0.3, 0, 0.3, 0.3, id="a share of the records"),
        pytest.param(0, 0.2, 0.2**8, 0.2, id="a share of the values"),
        pytest.param(0.3, 0.2, 0.3, 0.44, id="both: 1 - 0.7 x 0.8"),
    ],
)
def test_the_shares_are_hidden_in_training(records, values, whole, single):
    torch.manual_seed(0)
    hidden = ModalityDropout(records, values).train()(torch.ones(4000, 8)).isnan()
    assert hidden.all(1).float().mean().item() == pytest.approx(whole, abs=0.03)
    assert hidden.float().mean().item() == pytest.approx(single, abs=0.03)


def test_nothing_is_hidden_in_evaluation_and_what_is_left_stays_as_it_was():
    clinical = torch.tensor([[1.0, NAN, 3.0]]).repeat(50, 1)
    assert torch.equal(ModalityDropout(1, 1).eval()(clinical).isnan(), clinical.isnan())
    hidden = ModalityDropout(0, 0.5).train()(clinical)
    assert torch.equal(hidden[~hidden.isnan()], clinical[~hidden.isnan()]) and hidden[:, 1].isnan().all()


class Plus(nn.Module):
    """Adds each patient's number to their maps, whatever their sizes."""

    def forward(self, maps: list[Tensor], patients: Patients) -> list[Tensor]:
        return [map + patients.vector[:, :, None, None] for map in maps]


class PlusRow(nn.Module):
    def forward(self, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        return y + z


class Number(nn.Module):
    """The record's first value is the patient."""

    def forward(self, clinical: Tensor) -> Patients:
        return Patients.of(clinical[:, :1])


class Site(nn.Module):
    """Answers with what it is given."""

    def forward(self, output):
        return output


class Pool(nn.Module):
    def forward(self, features, boxes):
        return torch.cat([torch.zeros(len(one), 1) for one in boxes])


class Fake(Detector):
    """A detector that is nothing but its sites."""

    image_part, loss_names = (), ()

    def __init__(self, layer: nn.Module, rois: bool = False):
        super().__init__()
        self.maps, self.pool, self.layer = Site(), Pool(), layer
        self.map_sites = (MapSite("maps", (1,)),)
        self.vector_sites = (VectorSite("layer", rois="pool" if rois else None),)

    def losses(self, images, targets):
        return {}

    def detect(self, images) -> list[Detections]:
        return []

    def load_pretrained(self) -> None:
        pass


def attached(layer, rois=False):
    detector = Fake(layer, rois)
    maps, vectors = {detector.map_sites[0]: Plus()}, {detector.vector_sites[0]: PlusRow()}
    fusion = ClinicalFusion(detector, Number(), ModalityDropout(0, 0), maps, vectors)
    return detector, fusion


RECORDS = torch.tensor([[10.0], [20.0]])
MAP, MASK = torch.zeros(2, 1, 3, 3), torch.ones(2, 3, 3)


@pytest.mark.parametrize(
    ("output", "maps_of"),
    [
        pytest.param(MAP, lambda o: [o], id="a tensor"),
        pytest.param([MAP, MAP], list, id="a list"),
        pytest.param((MAP, MAP), list, id="a tuple"),
        pytest.param(OrderedDict(a=MAP, b=MAP), lambda o: list(o.values()), id="a dict"),
        pytest.param([(MAP, MASK)], lambda o: [pair[0] for pair in o], id="pairs of a map and its mask"),
    ],
)
def test_a_map_site_may_answer_in_any_form(output, maps_of):
    detector, fusion = attached(nn.Linear(1, 1))
    with fusion.of(RECORDS):
        fused = detector.maps(output)
    assert type(fused) is type(output)
    for map in maps_of(fused):
        assert torch.equal(map, RECORDS[:, :, None, None].expand(2, 1, 3, 3))
    if isinstance(output, list) and isinstance(output[0], tuple):
        assert fused[0][1] is MASK
    assert detector.maps(output) is output, "nothing is fused outside"


def test_every_roi_gets_its_own_patient():
    detector, fusion = attached(nn.Linear(1, 1), rois=True)
    with fusion.of(RECORDS), torch.no_grad():
        rois = detector.pool(None, [torch.zeros(1, 4), torch.zeros(3, 4)])
        added = detector.layer(rois) - detector.layer.bias
    torch.testing.assert_close(added, torch.tensor([[10.0], [20], [20], [20]]))


@pytest.mark.parametrize("shape", [(2, 5, 1), (3, 2, 5, 1)], ids=["queries of images", "of decoder layers, too"])
def test_every_query_gets_its_own_patient(shape):
    detector, fusion = attached(nn.Linear(1, 1))
    with fusion.of(RECORDS), torch.no_grad():
        added = detector.layer(torch.zeros(shape)) - detector.layer.bias
    torch.testing.assert_close(added, RECORDS[:, None].expand(shape).contiguous())


def test_a_convolution_must_keep_the_maps_size():
    detector, fusion = attached(nn.Conv2d(1, 1, 3))
    with fusion.of(RECORDS), pytest.raises(ValueError, match="keeps the map's size"):
        detector.layer(torch.zeros(2, 1, 8, 8))


def test_no_patient_stays_behind_after_an_error():
    detector, fusion = attached(nn.Linear(1, 1))
    with pytest.raises(RuntimeError), fusion.of(RECORDS):
        raise RuntimeError
    assert detector.maps(MAP) is MAP
