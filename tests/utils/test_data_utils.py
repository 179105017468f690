"""normalize, pack and unpack, settings and kinds of numbers: Keras's answers, and the places where ours are better."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import tinynn
from tinynn import backend, config, utils

ROWS = np.arange(6.0).reshape(2, 3)


@pytest.fixture(autouse=True)
def config_put_back() -> Iterator[None]:
    yield
    config.set_image_data_format("channels_last")
    config.set_max_epochs(None)
    config.set_max_steps_per_epoch(None)
    config.enable_interactive_logging()
    config.enable_traceback_filtering()


@given(
    arrays(np.float64, array_shapes(min_dims=2, max_dims=3, max_side=4), elements=st.floats(-8, 8, width=16)),
    st.data(),
)
def test_normalized_rows_have_length_one_or_zero(x: Any, data: st.DataObject) -> None:
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    order = data.draw(st.sampled_from([1, 2, np.inf]))
    lengths = np.linalg.norm(utils.normalize(x, axis, order), order, axis)
    zero = ~np.any(x, axis=axis)
    assert np.all(np.where(zero, lengths == 0, np.abs(lengths - 1) <= 8 * x.size * np.finfo(float).eps))
    assert utils.normalize(x.astype(np.float32), axis, order).dtype == np.float32


@pytest.mark.keras
def test_normalize_packs_and_kinds_of_numbers_are_those_of_keras(keras: Any) -> None:
    for x in (ROWS, ROWS.astype(np.float32), np.arange(3.0), np.zeros((2, 2))):
        for order in (1, 2, np.inf):
            found, expected = utils.normalize(x, order=order), keras.utils.normalize(x, order=order)
            assert found.dtype == expected.dtype
            np.testing.assert_allclose(found, expected, rtol=4 * np.finfo(found.dtype).eps)
    np.testing.assert_allclose(utils.normalize(ROWS, axis=None), keras.utils.normalize(ROWS, axis=None), rtol=1e-15)

    unpack, pack = keras.utils.unpack_x_y_sample_weight, keras.utils.pack_x_y_sample_weight
    for data in (1, (1,), [1, 2], (1, 2, 3), None):
        assert utils.unpack_x_y_sample_weight(data) == unpack(data)
    for parts in ((1,), ([1],), (1, 2), (1, 2, 3), (1, None, 3)):
        assert utils.pack_x_y_sample_weight(*parts) == pack(*parts)

    for dtype in ("float32", np.float64, np.dtype("int8"), "bool", bool, int, float, "int", None, "uint16", np.bool_):
        assert backend.standardize_dtype(dtype) == keras.backend.standardize_dtype(dtype), dtype
        assert backend.is_float_dtype(dtype) == keras.backend.is_float_dtype(dtype), dtype
        assert backend.is_int_dtype(dtype) == keras.backend.is_int_dtype(dtype), dtype
    assert backend.is_float_dtype("bfloat16")
    for dtypes in (("int32", "float32"), ("int8", "uint8"), ("bool", "int32"), ("float32", "float64"), ("int32",)):
        assert backend.result_type(*dtypes) == keras.backend.result_type(*dtypes), dtypes


ERRORS: dict[str, tuple[Callable[[], Any], str]] = {
    "four parts": (lambda: utils.unpack_x_y_sample_weight((1, 2, 3, 4)), "got 4 parts"),
    "no dtype": (lambda: backend.standardize_dtype("flaot32"), "Invalid dtype: flaot32"),
    "image format": (lambda: config.set_image_data_format("channel_last"), 'Did you mean "channels_last"'),
    "epochs": (lambda: config.set_max_epochs(0), "positive integer; got 0"),
    "steps": (lambda: config.set_max_steps_per_epoch(1.5), "positive integer; got 1.5"),
    "nothing": (backend.result_type, "at least one dtype"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case: str) -> None:
    call, text = ERRORS[case]
    with pytest.raises(ValueError, match=text):
        call()


def test_small_settings() -> None:
    config.set_image_data_format("channels_first")
    assert backend.image_data_format() == config.image_data_format() == "channels_first"
    assert config.backend() == backend.backend() == "tinynn"
    config.disable_traceback_filtering()
    assert not config.is_traceback_filtering_enabled()
    assert [backend.get_uid("a"), backend.get_uid("a"), backend.get_uid("b")] == [1, 2, 1]
    backend.clear_session()
    assert backend.get_uid("a") == 1
    assert backend.is_keras_tensor(tinynn.Input((2,)))
    assert not backend.is_keras_tensor(ROWS)


def model() -> Any:
    made = tinynn.Sequential([tinynn.Input((3,)), tinynn.layers.Dense(1)])
    made.compile("sgd", "mse")
    return made


def test_limits_shorten_every_run() -> None:
    config.set_max_epochs(2)
    config.set_max_steps_per_epoch(1)
    with pytest.warns(UserWarning, match="Limiting epochs to 2"), pytest.warns(UserWarning, match="Limiting steps"):
        history = model().fit(ROWS, [0.0, 1.0], batch_size=1, epochs=5, verbose=0)
    assert history.epoch == [0, 1]
    assert history.params["steps"] == 1
    with pytest.warns(UserWarning, match="Limiting steps_per_epoch to 1"):
        assert len(model().predict(ROWS, batch_size=1, verbose=0)) == 1


def test_progress_goes_to_the_log_when_asked(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    utils.disable_interactive_logging()
    assert not utils.is_interactive_logging_enabled()
    with caplog.at_level(logging.INFO, "tinynn"):
        model().fit(ROWS, [0.0, 1.0])
    assert capsys.readouterr().out == ""
    assert len(caplog.messages) == 1, "a line per epoch, no bar"
    assert "1/1 - 0s" in caplog.messages[0]
