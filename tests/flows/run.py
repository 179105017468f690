"""Runs the scripts of `scripts/` in turn, under Keras or tinynn: only their import lines differ.

python -m tests.flows.run keras out.pickle first.py second.py ...

Writes {script: {"printed": text, "result": numbers, "help": messages, "error": traceback}} for the test that asked.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import re
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

IMPORTS = [  # what a user changes
    (r"^import keras$", "import tinynn as keras"),
    (r"^from keras\b", "from tinynn"),
    (r"^from tensorflow import GradientTape$", "from tinynn import GradientTape"),
]


def under_tinynn(text: str) -> str:
    """The script with its import lines changed."""
    for old, new in IMPORTS:
        text = re.sub(old, new, text, flags=re.M)
    return text


def plain(value: Any) -> Any:
    """Lists of floats, for comparing without either library."""
    import numpy as np

    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    return np.asarray(value, "float64")


def run(script: Path, engine: str) -> dict[str, Any]:
    """One script in a namespace of its own."""
    text = script.read_text(encoding="utf-8")
    if engine == "tinynn":
        text = under_tinynn(text)
    names: dict[str, Any] = {"__name__": "__main__"}
    printed, error, started = io.StringIO(), None, time.monotonic()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(compile(text, str(script), "exec"), names)
        except Exception:
            error = traceback.format_exc()
    return {
        "printed": printed.getvalue(),
        "result": plain(names.get("RESULT", {})),
        "help": names.get("HELP", {}),
        "error": error,
        "seconds": time.monotonic() - started,
    }


def main(engine: str, out: str, *scripts: str) -> None:
    """All scripts, each with fresh automatic names."""
    warnings.simplefilter("ignore")
    if engine == "keras":
        import keras
    else:
        import tinynn as keras  # type: ignore[no-redef]
    found = {}
    for script in map(Path, scripts):
        keras.backend.clear_session()
        found[script.stem] = run(script, engine)
    Path(out).write_bytes(pickle.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
