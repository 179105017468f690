"""The base of models that a user writes as a class of its own."""

from __future__ import annotations

import json
from typing import Any

from tinynn._serialization import serialize_keras_object
from tinynn._typing import BatchShape
from tinynn.buffer import pack
from tinynn.layers.layer import Layer
from tinynn.models.trainer import Trainer


class Model(Trainer):
    """Layers under one name, with training. Write `__init__` (make layers) and `call` (use them over `tinynn.ops`).

    Args:
        name: "model", ... by default.
        trainable: whether anything in it is trained.
    """

    def build(self, input_shape: BatchShape) -> None:
        """Own variables come from the layers, which are built on the first call."""
        self.built = True

    @property
    def layers(self) -> list[Layer]:
        """The layers, in order of creation."""
        return self._layers

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or by its place.

        Raises:
            ValueError: there is none, or not exactly one of name and index was given.
        """
        if (name is None) == (index is None):
            raise ValueError(f"Provide either a layer name or a layer index at `get_layer`; got {name=}, {index=}.")
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(
                    f"Was asked to retrieve layer at index {index} but model only has {len(layers)} layers."
                )
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        raise ValueError(f"No such layer: {name}. Existing layers are: {[layer.name for layer in layers]}.")

    def save(self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
        """Write the model into a file; see `tinynn.saving.save_model`."""
        from tinynn.saving.save import save_model

        save_model(self, filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def save_weights(self, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None) -> None:
        """Write the numbers of the model into a file; see `tinynn.saving.save_weights`."""
        from tinynn.saving.save import save_weights

        save_weights(self, filepath, overwrite=overwrite, max_shard_size=max_shard_size)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Read the numbers of the model from a file; see `tinynn.saving.load_weights`."""
        from tinynn.saving.load import load_weights

        load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)

    def export(self, filepath: Any, format: str = "onnx", verbose: Any = None, input_signature: Any = None) -> None:
        """Write what `predict` computes into a file for other programs.

            model.export("model.onnx")

        Args:
            filepath: where to.
            format: "onnx", opset 20. Keras's other formats need TensorFlow.
            verbose, input_signature: accepted for Keras's sake; the batch may have any size.

        Raises:
            ValueError: another format, a model that is not built, a layer or activation that ONNX has no words for.
            ImportError: the library `onnx` is missing.
            OSError: the file cannot be written.
        """
        from tinynn.saving import onnx_export
        from tinynn.saving.atomic import atomic_write

        if format != "onnx":
            raise ValueError(f'export writes format="onnx"; got {format!r}. For Keras: model.save("model.keras").')
        content = onnx_export.content(self)
        with atomic_write(filepath) as file:
            file.write(content)

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Print the layers, their output shapes and parameter counts, as Keras does.

        Args:
            line_length: characters per line, by default what the terminal has.
            positions: where columns end, as shares or characters.
            print_fn: takes the text instead of standard output.
            expand_nested: show layers within layers.
            show_trainable: a column that says what is trained.
            layer_range: (first, last) names, as patterns.
        """
        from tinynn.utils.summary_utils import print_summary

        print_summary(
            self,
            line_length=line_length,
            positions=positions,
            print_fn=print_fn,
            expand_nested=expand_nested,
            show_trainable=show_trainable,
            layer_range=layer_range,
        )

    def to_json(self, **kwargs: Any) -> str:
        """The architecture as text, which `models.model_from_json` reads; with `compile`'s settings, without the weights.

        Args:
            **kwargs: of `json.dumps`, such as indent=2.
        """
        return json.dumps(serialize_keras_object(self), **kwargs)

    def _repr_html_(self) -> str:
        """What notebooks show for a model: a table of its layers."""
        from tinynn.utils.model_visualization import html_summary

        return html_summary(self)

    def _pack(self) -> None:
        """Make all variables views of one flat vector, trainable ones first."""
        pack(self.trainable_variables)
        pack(self.non_trainable_weights)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Layer) and not hasattr(self, "_trainable"):
            raise RuntimeError(
                "It looks like you are subclassing `Model` and you forgot to call `super().__init__()`. "
                "Always start `__init__` with this line."
            )
        super().__setattr__(name, value)
