"""One of two processes that train every detector for two steps: python two_processes.py MEETING_FILE CASES_JSON RANK.

The second step is where torch complains about parameters that had no part in the first one's loss.
"""

import json
import sys
from datetime import timedelta

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

import mdfnet


class Loss(nn.Module):
    """What DistributedDataParallel wraps: forward gives the loss."""

    def __init__(self, model: mdfnet.Model):
        super().__init__()
        self.model = model

    def forward(self, *batch):
        return sum(self.model.losses(*batch).values())


def step_twice(overrides: dict, rank: int) -> None:
    torch.manual_seed(0)
    net = DistributedDataParallel(Loss(mdfnet.build("tiny", **overrides)))
    torch.manual_seed(rank)
    size = overrides["size"]
    boxes = torch.tensor([[0.2, 0.2, 0.6, 0.7]]) * size if rank == 0 else torch.zeros(0, 4)
    target = {"boxes": boxes, "labels": torch.ones(len(boxes), dtype=torch.int64)}
    records = torch.tensor([[61, 37.5, 90, 20, 95, 120, 70, 3, 2, 1.0], [torch.nan] * 10])
    for _ in range(2):
        net.zero_grad()
        net([torch.rand(1, size, size) for _ in records], [target] * 2, records).backward()
    gradients = torch.stack([p.grad.double().sum() for p in net.parameters() if p.requires_grad])
    both = [torch.empty_like(gradients) for _ in range(2)]
    distributed.all_gather(both, gradients)
    assert torch.equal(*both), "the two processes have different gradients"


def main(meeting: str, cases: str, rank: int) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=2, timeout=timedelta(minutes=5)
    )
    for name, overrides in json.loads(cases).items():
        print(name, flush=True)  # so that an error's place is known; warnings may follow
        step_twice(overrides, rank)
        print(f"{name} agrees", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
