"""One bad file for each refusal of the readers: an ordinary error that says what is wrong, soon, and with little memory."""

from __future__ import annotations

import io
import json
import time
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import tinynn
from tinynn import _custom_objects, layers, saving
from tinynn.saving import Limits
from tinynn.saving.keras_names import LAYERS as KERAS_LAYERS
from tinynn.saving.safe_h5 import SafeH5
from tinynn.saving.safe_json import parse
from tinynn.saving.safe_zip import SafeZip


class Doubled(layers.Layer):
    def call(self, inputs: Any) -> Any:
        return 2 * inputs


def model() -> Any:
    found = tinynn.Sequential([tinynn.Input((4,)), layers.Dense(3, "relu"), layers.Dense(2)])
    found.compile("adam", "mse", metrics=["mae"])
    return found


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.keras"
    model().save(path)
    return path


def changed(path: Path, change: Callable[[dict[str, Any]], Any] | None = None, weights: bytes | None = None) -> str:
    """The same file with another description, or other weights."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    if change is not None:
        description = json.loads(members["config.json"])
        members["config.json"] = json.dumps(change(description) or description).encode()
    if weights is not None:
        members["model.weights.h5"] = weights
    out = path.with_name("changed.keras")
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return str(out)


def hdf5(fill: Callable[[Any], Any], **options: Any) -> io.BytesIO:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        fill(file)
    return buffer


def layer(description: dict[str, Any], number: int = 1) -> dict[str, Any]:
    return description["config"]["layers"][number]  # type: ignore[no-any-return]


# Descriptions ----------------------------------------------------------------------------------------------------------

DESCRIPTIONS: dict[str, tuple[Callable[[dict[str, Any]], Any], type[Exception], str]] = {
    "Lambda": (lambda d: layer(d).update(class_name="Lambda"), ValueError, "Lambda .* whatever safe_mode"),
    "a layer of Keras's": (
        lambda d: layer(d).update(class_name="Conv2D"),
        ValueError,
        "Keras 3.15.1 that tinynn does not",
    ),
    "a wrapper that loads": (lambda d: layer(d).update(class_name="TorchModuleWrapper"), ValueError, "does not have"),
    "a module": (lambda d: layer(d).update(module="os", class_name="system"), TypeError, "nothing is imported"),
    "a function of keras": (
        lambda d: layer(d).update(module="keras.config", class_name="enable_unsafe_deserialization"),
        TypeError,
        "does not know",
    ),
    "a path in a name": (lambda d: layer(d)["config"].update(name="../../x"), ValueError, "letters, digits"),
    "a long name": (lambda d: layer(d)["config"].update(name="x" * 500), ValueError, "name_length"),
    "a trillion units": (lambda d: layer(d)["config"].update(units=10**12), ValueError, "units"),
    "more units than numbers": (lambda d: layer(d)["config"].update(units=10**7), ValueError, "another model"),
    "a wide input": (lambda d: layer(d, 0)["config"].update(batch_shape=[None, 10**12]), ValueError, "units"),
    "a string for a truth value": (
        lambda d: layer(d)["config"].update(use_bias="false"),
        ValueError,
        "use_bias is like True",
    ),
    "a string for a number": (
        lambda d: d["compile_config"]["optimizer"]["config"].update(beta_1="0.9"),
        ValueError,
        "beta_1 is like 0.9",
    ),
    "a list for a description": (lambda d: [d], ValueError, "not that of a model"),
    "a layer for a model": (lambda d: layer(d), ValueError, "not of a model"),
    "many thresholds": (
        lambda d: d["compile_config"].update(
            metrics=[
                {
                    "module": "keras.metrics",
                    "class_name": "AUC",
                    "config": {"num_thresholds": 10**9},
                    "registered_name": None,
                }
            ]
        ),
        ValueError,
        "classes",
    ),
    "many classes": (
        lambda d: d["compile_config"].update(
            metrics=[
                {
                    "module": "keras.metrics",
                    "class_name": "MeanIoU",
                    "config": {"num_classes": 20_000},
                    "registered_name": None,
                }
            ]
        ),
        ValueError,
        "parameter_bytes",
    ),
    "many layers": (lambda d: d["config"].update(layers=[layer(d)] * 5001), ValueError, "layers"),
    "something else in an argument": (
        lambda d: layer(d)["config"].update(kernel_regularizer=[1]),
        ValueError,
        "regularizer",
    ),
}


@pytest.mark.parametrize("name", DESCRIPTIONS)
@pytest.mark.parametrize("safe_mode", [True, False])
def test_descriptions(good: Path, name: str, safe_mode: bool) -> None:
    change, error, message = DESCRIPTIONS[name]
    path = changed(good, change)
    start = time.perf_counter()
    with pytest.raises(error, match=message):
        tinynn.models.load_model(path, safe_mode=safe_mode)
    assert time.perf_counter() - start < 2
    if "many" not in name:  # these are slow to trace
        tracemalloc.start()
        with pytest.raises(error):
            tinynn.models.load_model(path, safe_mode=safe_mode)
        assert tracemalloc.get_traced_memory()[1] < 200e6
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text", ["NaN", "1e999", "9" * 30, '{"a": 1, "a": 2}', "[" * 200 + "]" * 200, "[" * 10**6, "{"]
)
def test_json(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text, Limits())


def test_json_within_limits() -> None:
    assert parse('{"a": [1, -2.5, true, null, "x"]}', Limits()) == {"a": [1, -2.5, True, None, "x"]}
    with pytest.raises(ValueError, match="json_bytes"):
        parse("[1, 2, 3]", Limits(json_bytes=5))
    with pytest.raises(ValueError, match="list_length"):
        parse("[1, 2, 3]", Limits(list_length=2))


def test_a_text_may_not_ask_for_more_than_the_limit() -> None:
    text = model().to_json()
    start = time.perf_counter()
    wide = text.replace("[null, 4]", "[null, 1000]")
    for units in ("10000000", "1" + "0" * 12):
        with pytest.raises(ValueError, match="limits"):
            tinynn.models.model_from_json(wide.replace('"units": 3', f'"units": {units}'))
    assert time.perf_counter() - start < 1
    with pytest.raises(ValueError, match="Lambda"):
        tinynn.models.model_from_json(text.replace('"Dense"', '"Lambda"'))


def test_own_classes_only_when_they_are_handed_over(tmp_path: Path) -> None:
    path = tmp_path / "own.keras"
    tinynn.Sequential([tinynn.Input((4,)), Doubled(), layers.Dense(2)]).save(path)
    with pytest.raises(TypeError, match="custom_objects"):
        tinynn.models.load_model(path)
    saving.register_keras_serializable("mine")(Doubled)
    try:
        tinynn.Sequential([tinynn.Input((4,)), Doubled(), layers.Dense(2)]).save(tmp_path / "registered.keras")
        with pytest.raises(TypeError, match="a file gets it only if you say so"):
            tinynn.models.load_model(tmp_path / "registered.keras")
        tinynn.models.load_model(tmp_path / "registered.keras", custom_objects=saving.get_custom_objects())
    finally:
        del saving.get_custom_objects()["mine>Doubled"], _custom_objects._names[Doubled]
    with saving.custom_object_scope({"Doubled": Doubled}):
        inside = tinynn.models.load_model(path)
    x = np.ones((1, 4), "float32")
    np.testing.assert_array_equal(inside(x), tinynn.models.load_model(path, custom_objects={"Doubled": Doubled})(x))


@pytest.mark.keras
def test_the_list_of_keras_layers_is_right(keras: Any) -> None:
    theirs = {name for name, thing in vars(keras.layers).items() if isinstance(thing, type)}
    ours = {name for name, thing in vars(layers).items() if isinstance(thing, type)}
    assert set(KERAS_LAYERS) == theirs - ours


# Archives --------------------------------------------------------------------------------------------------------------


def archive(fill: Callable[[zipfile.ZipFile], Any], **options: Any) -> io.BytesIO:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that stands twice
        with zipfile.ZipFile(buffer, "w", **options) as file:
            fill(file)
    return buffer


def lying() -> io.BytesIO:
    """A member that says it is a byte long, and is a million."""
    buffer = archive(lambda z: z.writestr("a", bytes(10**6)), compression=zipfile.ZIP_DEFLATED)
    content = bytearray(buffer.getvalue())
    for place in (content.find(b"PK\x03\x04") + 22, content.find(b"PK\x01\x02") + 24):
        content[place : place + 4] = (1).to_bytes(4, "little")
    return io.BytesIO(bytes(content))


def encrypted() -> io.BytesIO:
    content = bytearray(archive(lambda z: z.writestr("a", b"x")).getvalue())
    for place in (content.find(b"PK\x03\x04") + 6, content.find(b"PK\x01\x02") + 8):
        content[place] |= 1
    return io.BytesIO(bytes(content))


ARCHIVES: dict[str, tuple[Callable[[], io.BytesIO], str]] = {
    "another member": (lambda: archive(lambda z: z.writestr("../a", b"x")), "no member"),
    "twice": (lambda: archive(lambda z: (z.writestr("a", b"x"), z.writestr("a", b"y"))), "twice"),
    "many": (lambda: archive(lambda z: [z.writestr(f"a{i}", b"") for i in range(50)]), "members"),
    "bzip2": (
        lambda: archive(lambda z: z.writestr("a", b"x" * 99), compression=zipfile.ZIP_BZIP2),
        "compressed by method",
    ),
    "a bomb": (lambda: archive(lambda z: z.writestr("a", bytes(10**7)), compression=zipfile.ZIP_DEFLATED), "inflation"),
    "longer than it says": (lying, "damaged"),
    "encrypted": (encrypted, "encrypted"),
    "no archive": (lambda: io.BytesIO(b"\x89HDF\r\n\x1a\n" + bytes(100)), "begins with PK"),
    "half": (lambda: io.BytesIO(archive(lambda z: z.writestr("a", b"x" * 500)).getvalue()[:300]), "end of the archive"),
    "empty": (lambda: io.BytesIO(b""), "begins with PK"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives(name: str) -> None:
    make, message = ARCHIVES[name]
    file = make()
    size = len(file.getvalue())
    with pytest.raises(ValueError, match=message):
        SafeZip(file, size, Limits(members=40, inflation=20), lambda member: member[0] == "a", "an archive").read(
            "a", "units"
        )


# HDF5 ------------------------------------------------------------------------------------------------------------------


def external(file: Any) -> None:
    file.create_dataset("a", shape=(3,), dtype="f4", external=[("/etc/hostname", 0, 12)])


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout(shape=(3,), dtype="f4")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "x", shape=(3,))
    file.create_virtual_dataset("a", layout)


def never_written(file: Any) -> None:
    file.create_dataset("a", shape=(10**9,), dtype="f4")


def two_names(file: Any) -> None:
    file["a"] = np.ones(3)
    file["b"] = file["a"]


def a_loop(file: Any) -> None:
    file.create_group("a")["b"] = file["/"]


HDF5: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a soft link": (lambda f: f.__setitem__("a", h5py.SoftLink("/b")), "link"),
    "another file": (
        lambda f: f.__setitem__("a", h5py.ExternalLink("/tmp/other.h5", "/b")),
        "Keras's files have not|kind",
    ),
    "numbers in another file": (external, "another file"),
    "numbers from elsewhere": (virtual, "virtual"),
    "numbers that are not there": (never_written, "not in this HDF5 file"),
    "petabytes": (lambda f: f.create_dataset("a", shape=(10**15,), dtype="f4", chunks=(10**3,)), "total_bytes"),
    "two names": (two_names, "two names"),
    "a loop": (a_loop, "two names"),
    "references": (lambda f: f.create_dataset("a", data=f.ref, dtype=h5py.ref_dtype), "plain numbers"),
    "texts": (lambda f: f.create_dataset("a", data=["x"], dtype=h5py.string_dtype()), "plain numbers"),
    "lists": (lambda f: f.create_dataset("a", (2,), dtype=h5py.vlen_dtype("f4")), "plain numbers"),
    "compounds": (lambda f: f.create_dataset("a", data=np.zeros(2, "f4,i4")), "plain numbers"),
    "opaque": (lambda f: f.create_dataset("a", data=np.zeros(2, "V5")), "plain numbers"),
    "truth values": (lambda f: f.create_dataset("a", data=np.zeros(2, bool)), "plain numbers"),
    "a type of its own": (lambda f: f.__setitem__("a", np.dtype("f4")), "neither|shares"),
    "a filter": (lambda f: f.create_dataset("a", data=np.ones(9), fletcher32=True), "filter 3"),
    "compressed too well": (
        lambda f: f.create_dataset("a", data=np.zeros(10**7, "i1"), compression="gzip"),
        "inflation",
    ),
    "odd names": (lambda f: f.create_group("a\tb"), "letters, digits"),
    "dots": (lambda f: f.create_group(".../a"), "letters, digits"),
    "many attributes": (lambda f: [f.attrs.__setitem__(f"a{i}", i) for i in range(70)], "attributes"),
    "an attribute of references": (lambda f: f.attrs.__setitem__("a", f.ref), "plain numbers"),
    "many things": (lambda f: [f.create_group(f"g{i}") for i in range(300)], "members"),
}


@pytest.mark.parametrize("name", HDF5)
def test_hdf5(name: str) -> None:
    fill, message = HDF5[name]
    file = hdf5(fill)
    opened: list[Any] = []
    with pytest.raises(ValueError, match=message):
        SafeH5(file, Limits(members=200, inflation=20))
    assert opened == []


def test_hdf5_of_a_newer_kind() -> None:
    with pytest.raises(ValueError, match="copy its content"):
        SafeH5(hdf5(lambda f: f.create_group("a"), libver="latest"), Limits())


def test_hdf5_reads_all_that_it_says_it_reads() -> None:
    """Plain, compressed, shuffled, in pieces that do not divide the shape, of another byte order, many, empty."""
    arrays = {
        "plain": np.arange(12.0).reshape(3, 4),
        "one": np.float16(3),
        "none": np.zeros((0, 3)),
        "other": np.arange(9, dtype=">i4"),
        "deep/er/still": np.arange(5, dtype="u1"),
        **{f"many/x{i}": np.int64(i) for i in range(300)},
    }
    pieces = {
        "gzip": {"data": np.arange(1000.0).reshape(10, 100), "chunks": (3, 30), "compression": "gzip", "shuffle": True},
        "chunks": {"data": np.arange(700, dtype=">f4"), "chunks": (9,)},
        "level": {"data": np.random.RandomState(0).normal(size=(60, 9)), "chunks": (1, 2), "shuffle": True},
    }

    def fill(file: Any) -> None:
        for name, value in arrays.items():
            file.create_dataset(name, data=value)
        for name, options in pieces.items():
            file.create_dataset(name, **options)
        file.attrs["text"], file.attrs["bytes"] = "grün", b"blue"
        file.attrs["list"], file.attrs["fixed"] = [f"x{i}" for i in range(3000)], np.array([b"ab", b"c"])

    tree = SafeH5(hdf5(fill), Limits())
    expected = {**arrays, **{name: options["data"] for name, options in pieces.items()}}
    assert set(tree.datasets) == set(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(tree.datasets[name].read(), value, strict=name not in ("other", "chunks"))
    assert tree.text("", "text") == "grün"
    assert tree.text("", "bytes") == "blue"
    assert tree.texts("", "list") == [f"x{i}" for i in range(3000)]
    assert tree.texts("", "fixed") == ["ab", "c"]
    assert tree.text("deep", "text") is None


# Weights ---------------------------------------------------------------------------------------------------------------


def test_weights_of_another_shape_leave_the_model_as_it_was(tmp_path: Path) -> None:
    other = tinynn.Sequential([tinynn.Input((4,)), layers.Dense(3, "relu"), layers.Dense(5)])
    for ending in (".weights.h5", ".keras", ".h5", ".npz", ".safetensors"):
        path = tmp_path / f"other{ending}"
        (other.save if ending in (".keras", ".h5") else other.save_weights)(path)
        mine = model()
        before = mine.get_weights()
        with pytest.raises(ValueError, match=r"shape|Shape"):
            mine.load_weights(path)
        for one, two in zip(before, mine.get_weights()):
            np.testing.assert_array_equal(one, two)


def test_a_mismatch_may_be_skipped(tmp_path: Path) -> None:
    other = tinynn.Sequential([tinynn.Input((4,)), layers.Dense(3, "relu"), layers.Dense(5)])
    for ending in (".weights.h5", ".h5"):
        path = tmp_path / f"other{ending}"
        (other.save if ending == ".h5" else other.save_weights)(path)
        mine = model()
        with pytest.warns(UserWarning, match=r"could not be loaded|Skipping loading weights"):
            mine.load_weights(path, skip_mismatch=True)
        np.testing.assert_array_equal(mine.get_weights()[0], other.get_weights()[0])


@pytest.mark.parametrize("ending", [".keras", ".h5", ".npz"])
def test_numbers_that_are_none_are_told(tmp_path: Path, ending: str) -> None:
    bad = tinynn.Sequential([tinynn.Input((4,)), layers.Dense(3, name="worn")])
    bad.set_weights([np.full((4, 3), np.nan), np.zeros(3)])
    path = tmp_path / f"bad{ending}"
    (bad.save_weights if ending == ".npz" else bad.save)(path)
    with pytest.warns(RuntimeWarning, match="NaN in .*worn/kernel"):
        bad.load_weights(path)


def test_names_and_content_must_agree(tmp_path: Path, good: Path) -> None:
    weights = tmp_path / "a.weights.h5"
    model().save_weights(weights)
    for wrong in (tmp_path / "b.h5", tmp_path / "b.weights.h5", tmp_path / "b.npz", tmp_path / "b.safetensors"):
        wrong.write_bytes(weights.read_bytes() if wrong.suffix in (".npz", ".safetensors") else good.read_bytes())
        with pytest.raises(ValueError, match=r"This is not"):
            model().load_weights(wrong)
    (tmp_path / "c.keras").write_bytes(weights.read_bytes())
    with pytest.raises(ValueError, match=r"This is not a \.keras file"):
        tinynn.models.load_model(tmp_path / "c.keras")
    with pytest.raises(ValueError, match="not supported"):
        tinynn.models.load_model(tmp_path / "c.txt")


def test_no_pickles(tmp_path: Path) -> None:
    mine = tinynn.Sequential([tinynn.Input((4,)), layers.Dense(3)])
    np.savez(tmp_path / "a.npz", **{"dense/kernel": np.array([[print]], object), "dense/bias": np.zeros(3)})
    with pytest.raises(ValueError, match="none of plain numbers"):
        mine.load_weights(tmp_path / "a.npz")
