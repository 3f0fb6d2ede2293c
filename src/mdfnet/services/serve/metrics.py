"""What is counted, for Prometheus. No label holds a text of a client's choice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

#: Of histograms, seconds.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Counters of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._requests = Counter(
            "mdfnet_requests", "Requests answered", ("method", "route", "status"), registry=registry
        )
        histogram = partial(Histogram, buckets=BUCKETS, registry=registry)
        self._seconds = histogram("mdfnet_request_seconds", "Time to answer", ("route",))
        steps = "Time of a step: wait, decode, encode, detect, explain"
        self._steps = histogram("mdfnet_step_seconds", steps, ("step",))
        self.in_hand = Gauge("mdfnet_requests_in_hand", "Requests with a body in hand", registry=registry)
        self.images = Gauge("mdfnet_open_images", "Images kept in memory", registry=registry)
        self.image_bytes = Gauge("mdfnet_open_image_bytes", "Memory of the images kept", registry=registry)
        replaced = "Decoders that died or took too long"
        self.decoders_replaced = Gauge("mdfnet_decoders_replaced", replaced, registry=registry)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def waited(self, seconds: float) -> None:
        """Note how long a request waited for the model."""
        self._steps.labels("wait").observe(seconds)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = perf_counter()
        try:
            yield
        finally:
            self._steps.labels(name).observe(perf_counter() - start)

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self.registry)
