"""Images for schemathesis: what JSON Schema cannot say of a valid upload."""

import io

import numpy as np
import schemathesis
from hypothesis import strategies
from PIL import Image


def image(form: str, depth=np.uint8) -> bytes:
    """A small image of noise."""
    values = np.random.default_rng(0).integers(0, np.iinfo(depth).max, (48, 40), depth)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, form)
    return buffer.getvalue()


schemathesis.openapi.media_type("image/png", strategies.sampled_from([image("PNG"), image("PNG", np.uint16)]))
schemathesis.openapi.media_type("image/jpeg", strategies.just(image("JPEG")))
