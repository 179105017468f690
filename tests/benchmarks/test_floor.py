"""What the floor counts, worked by hand for a network of two layers: 3 inputs, 4 units, 2 units, 5 rows in a batch."""

from __future__ import annotations

import ctypes
from dataclasses import replace

import numpy as np

from benchmarks.engines.floor import _Products
from benchmarks.workloads import SPARSE, WORKLOADS, Workload, data, initial_weights

NET = Workload("two layers", (3, 4, 2), "relu", SPARSE, "sgd", 0.1, 5, 12)


def test_products_of_a_step() -> None:
    assert NET.products == [
        (5, 3, 4),  # x kernel
        (3, 5, 4),  # x.T d_out
        (5, 4, 2),
        (4, 5, 2),
        (5, 2, 4),  # d_out kernel.T: only the second layer passes a gradient on
    ]


def test_flops_are_a_multiplication_and_an_addition_per_term() -> None:
    first, second = 2 * 5 * 3 * 4, 2 * 5 * 4 * 2
    assert NET.flops == 2 * first + 3 * second == 480


def test_bytes_of_the_optimizer_pass() -> None:
    assert NET.parameters == (3 * 4 + 4) + (4 * 2 + 2) == 26
    assert NET.bytes == 4 * 26 * (2 + 1)  # reads p and g, writes p
    assert replace(NET, optimizer="adam").bytes == 4 * 26 * (4 + 3)  # reads p, g, m, v, writes p, m, v


def test_steps_count_the_short_batch() -> None:
    assert NET.steps == 3
    assert replace(NET, rows=10).steps == 2


def test_the_floor_multiplies_these_products_and_no_others() -> None:
    products = _Products(NET.batch, NET.sizes)
    sizes = [[ctypes.c_int64.from_address(int(row[i])).value for i in (2, 3, 4)] for row in products.table]
    assert [(m, k, n) for n, m, k in sizes] == NET.products  # Fortran sees c' = b' a', so n comes first


def test_the_floors_products_are_what_their_letters_say() -> None:
    """Its description, carried out by NumPy: transposes and leading dimensions belong to arrays of these shapes."""
    products = _Products(NET.batch, NET.sizes)
    for row in products.table:
        letters = [chr(ctypes.c_uint8.from_address(int(row[i])).value) for i in (0, 1)]
        n, m, k, wide_b, wide_a, wide_c = (ctypes.c_int64.from_address(int(row[i])).value for i in (2, 3, 4, 7, 9, 12))
        assert wide_b == (k if letters[0] == "T" else n)
        assert wide_a == (m if letters[1] == "T" else k)
        assert wide_c == n


def test_workloads_are_what_they_are_called() -> None:
    for name, workload in WORKLOADS.items():
        x, y = data(replace(workload, rows=50))
        assert workload.name == name
        assert x.shape == (50, workload.sizes[0])
        assert len(y) == 50
        assert sum(w.size for w in initial_weights(workload)) == workload.parameters
        assert workload.shortened().flops == workload.flops
        assert workload.shortened().steps <= 100
        assert np.isfinite(x).all()
