"""Names of array types, for annotations."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: Of any type.
Array: TypeAlias = NDArray[Any]
#: Of floating-point numbers.
Floats: TypeAlias = NDArray[np.floating[Any]]
#: Of integers.
Ints: TypeAlias = NDArray[np.integer[Any]]
#: Of truth values.
Bools: TypeAlias = NDArray[np.bool_]
