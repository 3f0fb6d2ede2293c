"""Names of array types, for annotations."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]  #: Of any type
Floats: TypeAlias = NDArray[np.floating[Any]]  #: Of floating-point numbers
Ints: TypeAlias = NDArray[np.integer[Any]]  #: Of integers
Bools: TypeAlias = NDArray[np.bool_]  #: Of truth values
