"""JAX, as one would write it for speed: data on the device, donated buffers, one compiled program per step or per epoch."""

from __future__ import annotations

import time

from typing import Any

import numpy as np

from benchmarks.engines.engine import Engine
from benchmarks.workloads import CATEGORICAL, Array, Workload
