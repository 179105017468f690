"""What a deliberate fault is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One deliberate fault.

    Args:
        name: short, in the table.
        trap: a key of `TRAPS`.
        file: within `tinynn/`.
        old, new: the replacement; `old` stands in the file exactly once.
        on: the examples it is tried on, keys of `parity.faults.EXAMPLES`.
        seen_by: the properties that have to see it, keys of `parity.properties.PROPERTIES`.
        engine: "reference" or "compiled": which engine the fault is in.
    """

    name: str
    trap: str
    file: str
    old: str
    new: str
    on: tuple[str, ...]
    seen_by: tuple[str, ...] = ()
    engine: str = "reference"

    @property
    def module(self) -> str:
        """The module that the file is: "tinynn.kernels.adam"."""
        return "tinynn." + self.file.removesuffix(".py").replace("/", ".")

    def applied(self, source: str) -> str:
        """The file's source with the fault in it.

        Raises:
            ValueError: the place is not there, or there are several.
        """
        found = source.count(self.old)
        if found != 1:
            raise ValueError(
                f"fault {self.name!r}: its place is found {found} times in tinynn/{self.file}; expected once. The file has "
                f"changed: give the fault the new wording of {self.old!r}."
            )
        return source.replace(self.old, self.new)
