"""A small fused model that listens to its records, an image and records, for tests of explanations."""

import torch

import mdfnet

NAN = float("nan")
IMAGE = [torch.rand(1, 70, 96, generator=torch.Generator().manual_seed(0))]
RECORDS = torch.tensor(
    [[67, 38.9, 110, 24, 91, 120, 70, 3, 2, 1], [NAN] * 10, [54, NAN, 80, NAN, 98, 130, 80, NAN, 3, 0]]
)


def fused(**keys) -> mdfnet.Model:
    """Untrained, but for fusers that are not zero any more."""
    torch.manual_seed(0)
    model = mdfnet.build("tiny", **{"size": 96, "box_score": 0.0, **keys}).eval()
    with torch.no_grad():
        for parameter in model.fusion.parameters() if model.fusion else ():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model
