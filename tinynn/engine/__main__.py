"""`python -m tinynn.engine`: compile every unit for both precisions now, not when a model first needs it."""

import numpy as np

from tinynn.engine import machine, twins

if __name__ == "__main__":
    for precision in ("float32", "float64"):
        machine.prepare(np.dtype(precision), [machine.LOOP, *twins.all_units()])
