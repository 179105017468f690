"""How much a file may ask for before it is refused."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bounds on what `load_model`, `load_weights` and `model_from_json` take from a file or text.

        model = tinynn.models.load_model("huge.keras", limits=tinynn.saving.Limits(total_bytes=2**36))

    A file beyond a limit is refused with a ValueError that names the limit, before the memory is used. The defaults are far
    beyond networks of dense layers, and small enough that no file brings a machine down.

    Args:
        total_bytes: of the file, and of all arrays in it once they are read. 4 GiB.
        parameter_bytes: of the weights of a model that a text alone describes (`model_from_json`), and of the state of the
            metrics that a file describes. Weights that stand in a file count there: a model may be as large as those. 1 GiB.
        inflation: how many times the size of the file the arrays in it may be, when they are compressed.
        members: groups and arrays in a file, members of an archive, attributes of one of them.
        json_bytes: length of a description.
        json_depth: brackets within brackets in a description.
        layers: layers, those within layers included, and other objects of a description, each.
        units: the largest size in a description: units, an axis of a shape.
        classes: classes and thresholds of a metric.
        name_length: characters of the name of a layer, or of a path in a file.
        list_length: entries of one list in a description.

    Raises:
        ValueError: a limit that is not a whole number above zero.
    """

    total_bytes: int = 2**32
    parameter_bytes: int = 2**30
    inflation: int = 200
    members: int = 20_000
    json_bytes: int = 2**24
    json_depth: int = 100
    layers: int = 5_000
    units: int = 10**7
    classes: int = 20_000
    name_length: int = 400
    list_length: int = 10**6

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"Limits expects {name} to be a positive integer; got {value!r}.")

    def check(self, name: str, value: int, what: str) -> None:
        """Refuse a value beyond the limit of this name.

        Raises:
            ValueError: it is.
        """
        most = getattr(self, name)
        if value > most:
            raise ValueError(
                f"{what}: {value:,} is beyond the limit of {most:,}. If you trust the file, pass "
                f"limits=tinynn.saving.Limits({name}=...)."
            )
