"""Types that many modules name: arrays, and documents as JSON has them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.intp]
JsonTree = Mapping[str, Any]
