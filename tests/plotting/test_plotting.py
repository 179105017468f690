"""Plots show the numbers they were given, on the Axes they were given, told apart by more than colour."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinynn
from tinynn import datasets, layers, plotting
from tinynn.callbacks import History

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install tinynn-engine[plot]")
pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install tinynn-engine[sklearn]")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

X, Y = datasets.xor(40)
IMAGES = np.arange(4 * 6 * 6).reshape(4, 6, 6)
LOGS = {"loss": [3.0, 2.0, 1.0], "accuracy": [0.1, 0.2, 0.3], "val_loss": [4.0, 3.0, 3.5], "learning_rate": [1, 1, 1]}


@pytest.fixture(autouse=True)
def figures_closed() -> Iterator[None]:
    yield
    plt.close("all")


def a_model(*inputs: int, units: int = 3) -> Any:
    model = tinynn.Sequential(
        [tinynn.Input(inputs), layers.Flatten(), layers.Dense(units, activation="tanh"), layers.Dense(1, "sigmoid")]
    )
    model.compile(loss="binary_crossentropy")
    return model


DRAWN: dict[str, tuple[int, Callable[[Any], Any]]] = {
    "activation": (2, lambda ax: plotting.activation("relu", ax=ax)),
    "confusion_matrix": (1, lambda ax: plotting.confusion_matrix([0, 1], [0, 0], ax=ax)),
    "decision_regions": (1, lambda ax: plotting.decision_regions(a_model(2), X, Y, resolution=8, ax=ax)),
    "first_layer": (3, lambda ax: plotting.first_layer(a_model(4, 4), ax=ax)),
    "gradient_norms": (1, lambda ax: plotting.gradient_norms({"a": 1.0, "b": 0.1}, ax=ax)),
    "gradients": (4, lambda ax: plotting.gradients(a_model(2), X, Y, ax=ax)),
    "history": (3, lambda ax: plotting.history(LOGS, ax=ax)),
    "images": (4, lambda ax: plotting.images(IMAGES, ax=ax)),
    "optimizer_paths": (
        1,
        lambda ax: plotting.optimizer_paths(lambda a, b: a * a + b * b, "sgd", (1, 1), steps=2, ax=ax),
    ),
    "weights": (4, lambda ax: plotting.weights(a_model(2), ax=ax)),
}
"""How many Axes each function draws on, and a call."""


def test_every_function_is_in_the_list() -> None:
    assert sorted(DRAWN) == sorted(plotting.__all__)


@pytest.mark.parametrize("name", DRAWN)
def test_returns_the_axes_it_was_given_or_new_ones_and_shows_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plt, "show", lambda *a, **k: pytest.fail("show was called"))
    n, draw = DRAWN[name]
    alone = draw(None)
    figure = plt.figure()
    axes = figure.subplots(1, n)
    again = draw(axes)
    assert np.size(again) == np.size(alone) == n
    for given, returned in zip(np.ravel(axes), np.ravel(again)):
        assert returned is given
        assert given.has_data()
    assert all(panel.figure is not figure for panel in np.ravel(alone))
    figure.canvas.draw()  # warnings are errors
    np.ravel(alone)[0].figure.canvas.draw()


@pytest.mark.parametrize("name", [name for name, (n, _) in DRAWN.items() if n > 1])
def test_too_few_axes_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name} draws {DRAWN[name][0]} panels: ax has to be as many Axes; got 1"):
        DRAWN[name][1](plt.figure().subplots())


def marks(axes: Any) -> list[tuple[Any, ...]]:
    return [(line.get_linestyle(), line._unscaled_dash_pattern, line.get_marker()) for line in axes.lines]


@pytest.mark.parametrize("count", [2, 6])
def test_lines_differ_without_their_colours(count: int) -> None:
    axes = plotting.gradient_norms({f"layer {i}": [1.0, 2.0, 3.0] for i in range(count)})
    assert len({str(mark) for mark in marks(axes)}) == count
    assert axes.get_legend() is not None


# History ---------------------------------------------------------------------------------------------------------------


def test_history_draws_training_and_validation_from_epoch_one() -> None:
    axes = plotting.history(LOGS)
    assert [panel.get_ylabel() for panel in axes] == ["loss", "accuracy", "learning rate"]
    training, validation = axes[0].lines
    assert training.get_xydata().tolist() == [[1, 3], [2, 2], [3, 1]]
    assert validation.get_xydata().tolist() == [[1, 4], [2, 3], [3, 3.5]]
    assert [text.get_text() for text in axes[0].get_legend().get_texts()] == ["training", "validation"]
    assert len(axes[1].lines) == 1


def test_history_takes_what_fit_returned_and_goes_on_counting() -> None:
    model = a_model(2)
    found = model.fit(X, Y, epochs=5, initial_epoch=2, validation_split=0.5, verbose=0)
    assert isinstance(found, History)
    axes = plotting.history(found, "loss")
    assert axes.lines[0].get_xdata().tolist() == [3, 4, 5]
    assert axes.lines[1].get_ydata().tolist() == found.history["val_loss"]


def test_history_of_an_unknown_metric_says_which_there_are() -> None:
    with pytest.raises(ValueError, match=r'Unknown metric of this history "acuracy"\. Did you mean "accuracy"'):
        plotting.history(LOGS, "acuracy")


# Classification --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y_true", "y_pred"),
    [
        ([0, 1, 1, 0], [0, 1, 0, 0]),
        (np.eye(2)[[0, 1, 1, 0]], np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3], [0.8, 0.2]])),
        (np.array([[0], [1], [1], [0]]), np.array([[0.1], [0.6], [0.4], [0.3]])),
    ],
)
def test_confusions_are_counted_with_true_classes_in_rows(y_true: Any, y_pred: Any) -> None:
    axes = plotting.confusion_matrix(y_true, y_pred, class_names=["no", "yes"])
    assert [text.get_text() for text in axes.texts] == ["2", "0", "1", "1"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["no", "yes"]


def test_a_class_that_nobody_has_is_shown_all_the_same() -> None:
    assert len(plotting.confusion_matrix([0, 2], [0, 0]).texts) == 9
    with pytest.raises(ValueError, match="as many labels as predictions; got 2 and 3"):
        plotting.confusion_matrix([0, 1], [0, 1, 1])


@pytest.mark.parametrize("kind", ["one", "two", "numbers"])
def test_regions_part_where_the_model_changes_its_mind(kind: str) -> None:
    """The border of x0 > 0.25, however the model says it."""

    def model(points: Any) -> Any:
        right = (points[:, 0] > 0.25) * 1.0
        return {"one": right[:, None], "two": np.stack([1 - right, right], 1), "numbers": right.astype(int)}[kind]

    points = np.array([[-1.0, -1.0], [1.0, 1.0], [0.5, 0.5]])
    axes = plotting.decision_regions(model, points, [0, 1, 1], class_names=["left", "right"], resolution=50)
    shade = np.asarray(axes.images[0].get_array())
    assert shade.shape == (50, 50)
    across = np.linspace(*axes.get_xlim(), 50)
    assert len(set(shade[:, across > 0.25].ravel())) == len(set(shade[:, across < 0.25].ravel())) == 1
    assert shade[0, 0] > shade[0, -1] + 0.3
    assert [len(dots.get_offsets()) for dots in axes.collections if dots.get_label() in ("left", "right")] == [1, 2]


def test_regions_lie_where_the_axes_say() -> None:
    """Looked at as drawn: the upper right corner alone is dark."""
    axes = plotting.decision_regions(lambda x: (x.min(axis=1) > 0) * 1.0, np.array([[-1.0, -1.0], [1.0, 1.0]]))
    axes.figure.canvas.draw()
    pixels = np.asarray(axes.figure.canvas.buffer_rgba())[::-1, :, 0]
    corners = axes.transData.transform([[0.8, 0.8], [0.8, -0.8], [-0.8, 0.8], [-0.8, -0.8]]).astype(int)
    dark, *light = (int(pixels[up, across]) for across, up in corners)
    assert dark < 160 < 200 < min(light)


def test_regions_need_two_inputs() -> None:
    with pytest.raises(ValueError, match=r"points of two numbers, x \(n, 2\); got \(4, 3\)"):
        plotting.decision_regions(a_model(3), np.zeros((4, 3)))


# Functions and optimizers ----------------------------------------------------------------------------------------------


def test_a_derivative_stands_beside_its_function_and_jumps_are_no_lines() -> None:
    left, right = plotting.activation(["sigmoid", "relu"], low=-2, high=2)
    x, sigmoid = left.lines[0].get_data()
    s = 1 / (1 + np.exp(-x))
    np.testing.assert_allclose(sigmoid, s, atol=1e-14)
    np.testing.assert_allclose(right.lines[0].get_ydata(), s * (1 - s), atol=1e-14)
    slope = right.lines[1].get_ydata()
    assert np.isnan(slope).sum() == 1
    assert set(slope[~np.isnan(slope)]) == {0.0, 1.0}


def test_a_function_of_all_inputs_at_once_is_refused() -> None:
    with pytest.raises(ValueError, match='"softmax" mixes its inputs'):
        plotting.activation("softmax")


def test_paths_are_the_steps_of_the_optimizers() -> None:
    """Down a^2 + 2 b^2 with rate 0.1, SGD multiplies a by 0.8 and b by 0.6; momentum's first step is the same."""
    sgd = tinynn.optimizers.SGD(0.1)
    axes = plotting.optimizer_paths(
        lambda a, b: a * a + 2 * b * b,
        {"plain": sgd, "heavy": tinynn.optimizers.SGD(0.1, momentum=0.5)},
        (1, 1),
        steps=3,
    )
    plain, heavy, start = axes.lines
    np.testing.assert_allclose(plain.get_xydata(), [[0.8**i, 0.6**i] for i in range(4)], rtol=1e-6)
    np.testing.assert_allclose(heavy.get_xydata()[:2], plain.get_xydata()[:2], rtol=1e-6)
    assert not np.allclose(heavy.get_xydata()[2], plain.get_xydata()[2])
    assert start.get_xydata().tolist() == [[1, 1]]
    assert sgd.iterations == 0


# Weights and images ----------------------------------------------------------------------------------------------------


def test_heat_maps_show_the_weights_with_limits_around_zero() -> None:
    model = a_model(2)
    for panel, weight in zip(plotting.weights(model), model.get_weights()):
        image = panel.images[0]
        np.testing.assert_array_equal(np.asarray(image.get_array()).reshape(weight.shape), weight)
        assert image.norm.vmin == -image.norm.vmax
    assert plotting.weights(model)[0].get_title() == f"{model.trainable_variables[0].path}  2×3"


def test_gradients_are_those_of_the_loss() -> None:
    model = a_model(2)
    axes = plotting.gradients(model, X, Y)
    p = model.predict(X, verbose=0)
    expected = np.mean(p - Y.reshape(-1, 1))  # of the last bias, behind sigmoid and cross-entropy
    np.testing.assert_allclose(np.asarray(axes[3].images[0].get_array()), [[expected]], rtol=1e-5, atol=1e-7)


def test_first_layer_shows_each_units_weights_as_an_image() -> None:
    model = a_model(2, 3)
    kernel = model.get_weights()[0]
    for unit, panel in enumerate(plotting.first_layer(model)):
        np.testing.assert_array_equal(np.asarray(panel.images[0].get_array()), kernel[:, unit].reshape(2, 3))
    assert len(plotting.first_layer(a_model(9), count=2)) == 2
    with pytest.raises(ValueError, match="6 inputs are no square image"):
        plotting.first_layer(a_model(6))
    with pytest.raises(ValueError, match="6 inputs, which are no image of 2 x 2"):
        plotting.first_layer(a_model(6), (2, 2))


def test_wrong_predictions_are_marked_by_frame_and_words() -> None:
    probabilities = np.array([[0.9, 0.1], [0.75, 0.25]])
    right, wrong = plotting.images(IMAGES[:2], [0, 1], probabilities, class_names=["shoe", "bag"])
    assert (right.get_title(), wrong.get_title()) == ("shoe 90%", "shoe 75%\nnot bag")
    assert wrong.spines["top"].get_linewidth() > right.spines["top"].get_linewidth()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plotting.images(np.zeros((4, 4))), r"images expects x \(n, height, width\)"),
        (lambda: plotting.images(IMAGES, [0]), "as many y_true as images, 4; got 1"),
        (lambda: plotting.weights(tinynn.Sequential([layers.Dense(2)])), "it has none yet"),
        (lambda: plotting.gradient_norms({}), "got none"),
        (lambda: plotting.activation("relu", low=1, high=1), "low to be below high"),
    ],
)
def test_mistakes_are_told(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_without_matplotlib_the_error_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import tinynn\n"
        "try: tinynn.plotting.activation('relu')\n"
        "except ModuleNotFoundError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "plots need matplotlib: pip install 'tinynn-engine[plot]'"
