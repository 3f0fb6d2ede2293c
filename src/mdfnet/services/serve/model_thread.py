"""The one thread that runs the model: what its hooks read lives for one forward pass, so no two may run at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import TypeVar

from mdfnet.models.model import Model
from mdfnet.services.serve.metrics import Metrics

T = TypeVar("T")


class ModelThread:
    """Runs functions of the model, one after the other.

    How many wait is bounded by `mdfnet.services.serve.guard.Guard`, which admits so many requests and no more.
    """

    def __init__(self, model: Model, metrics: Metrics):
        self.model, self.metrics = model, metrics
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")

    async def run(self, step: str, function: Callable[[Model], T]) -> T:
        """What the function gives for the model. Given up while it waits, it never runs."""
        asked = perf_counter()

        def timed() -> T:
            self.metrics.waited(perf_counter() - asked)
            with self.metrics.step(step):
                return function(self.model)

        return await asyncio.get_running_loop().run_in_executor(self._thread, timed)

    def stop(self) -> None:
        """Accept nothing more; return when the function that runs has ended."""
        self._thread.shutdown(cancel_futures=True)
