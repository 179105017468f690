"""The commands of `tinynn`."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

import tinynn
from tinynn._checks import unknown_name
from tinynn.cli import models, report, table, training
from tinynn.cli.table import WrongUse
from tinynn.cli.talk import EpochProgress, as_text, emit, emit_json, say, wrong_use

app = typer.Typer(
    name="tinynn",
    help="Networks for tables, from the command line. Results go to standard output, talk to standard error. "
    "Exit codes: 0 done, 1 a check failed, 2 wrong use, 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    add_completion=False,
)

Json = Annotated[bool, typer.Option("--json", help="The result as JSON.")]
ModelPath = Annotated[
    str, typer.Argument(metavar="MODEL", help="A folder made by `tinynn train`, or a .keras or .h5 file.")
]
Table = Annotated[str, typer.Argument(metavar="TABLE", help="A CSV file with a line of names; - is standard input.")]
TargetColumn = Annotated[
    str | None, typer.Option("--target", help="The column to predict, for models without preprocessing.")
]


class Task(StrEnum):
    """What may be asked for."""

    classification = "classification"
    regression = "regression"


def _mended(command: Callable[..., None]) -> Callable[..., None]:
    """What the user can mend is said in a line, without a traceback."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except WrongUse as error:
            raise wrong_use(str(error)) from None
        except KeyboardInterrupt:
            say("tinynn: interrupted; nothing has been written.")
            raise typer.Exit(130) from None

    return wrapped


@contextlib.contextmanager
def _all_or_nothing(folder: Path) -> Iterator[Path]:
    """Where to write the files of a folder: they are in it once all of them are written, or none is."""
    staging = folder.with_name(f"{folder.name}.writing")
    shutil.rmtree(staging, ignore_errors=True)  # of a process that was killed
    staging.mkdir(parents=True)
    try:
        yield staging
        if not folder.exists():
            staging.rename(folder)
            return
        for file in staging.iterdir():
            file.replace(folder / file.name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _version(asked: bool) -> None:
    if asked:
        emit(f"tinynn {tinynn.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    pass


@app.command()
@_mended
def train(
    data: Table,
    target: Annotated[str, typer.Option(help="The column to predict.")],
    out: Annotated[Path | None, typer.Option(help="The folder to write; by default TABLE's name and _model.")] = None,
    task: Annotated[Task | None, typer.Option(help="By default found out from the target, and said.")] = None,
    hidden: Annotated[str | None, typer.Option(help="Units of the hidden layers, such as 64,32.")] = None,
    activation: Annotated[str, typer.Option(help="Of the hidden layers.")] = "relu",
    dropout: Annotated[float, typer.Option(help="The share of outputs that training leaves out.")] = 0.0,
    optimizer: Annotated[str, typer.Option(help="Any of tinynn's.")] = "adam",
    learning_rate: Annotated[float, typer.Option(help="How far a step goes.")] = 1e-3,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Rows in a step.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="At most so many times over the rows.")] = None,
    patience: Annotated[int, typer.Option(min=1, help="Epochs without progress after which to stop.")] = 10,
    test: Annotated[float, typer.Option(help="The share of rows kept apart to test with.")] = 0.2,
    validation: Annotated[float, typer.Option(help="The share of rows that says when to stop.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="Of the split and the weights.")] = 0,
    compare: Annotated[
        bool | None, typer.Option(help="Train scikit-learn's network too; by default up to 200,000 rows.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Write over a model that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Train a network on a table, and write it with a report.

    Text becomes zeros and ones, missing values the median and a flag, dates numbers; numbers are scaled. Identifiers and free
    text are left out, and that is said.

    **Examples**

        tinynn train patients.csv --target outcome

        tinynn train houses.csv --target price --hidden 128,64 --out houses

        cat rows.csv | tinynn train - --target y --out model --json | jq .test
    """
    folder = out or Path("table_model" if data == "-" else f"{Path(data).stem}_model")
    if folder.exists() and not folder.is_dir():
        raise WrongUse(f"{folder} is a file; --out names the folder to write.")
    if (folder / models.MODEL).exists() and not force:
        raise WrongUse(f"{folder} has a model already. --force writes over it, --out names another folder.")
    settings = training.Settings(
        target=target,
        task=task.value if task else None,
        hidden=_units(hidden),
        activation=_known("activation", activation, tinynn.activations.get),
        dropout=dropout,
        optimizer=_known("optimizer", optimizer, tinynn.optimizers.get),
        learning_rate=learning_rate,
        batch_size=batch_size,
        epochs=epochs,
        patience=patience,
        test=test,
        validation=validation,
        seed=seed,
        compare=compare,
    )
    if not 0 <= dropout < 1:
        raise WrongUse(f"--dropout is a share in [0, 1); got {dropout}.")
    if not 0 < learning_rate < float("inf"):
        raise WrongUse(f"--learning-rate is above 0; got {learning_rate}.")
    frame = table.read_csv(data)
    outcome = training.train(frame, settings, say, [EpochProgress()])
    page = report.page(
        outcome, "standard input" if data == "-" else Path(data).name, str(folder), _summary(outcome.model)
    )
    found = {**outcome.to_dict(), "folder": str(folder)}
    with _all_or_nothing(folder) as place:
        outcome.preprocessing.write(place / models.PREPROCESSING)
        (place / models.REPORT).write_text(page, encoding="utf-8")
        (place / models.METRICS).write_text(as_text(found) + "\n", encoding="utf-8")
        outcome.model.save(place / models.MODEL)
    if as_json:
        emit_json(found)
    else:
        emit(_told(outcome))
    say(f"Written: {folder}/{models.MODEL}, {models.PREPROCESSING}, {models.METRICS}; open {folder}/{models.REPORT}")


@app.command()
@_mended
def evaluate(model: ModelPath, data: Table, target: TargetColumn = None, as_json: Json = False) -> None:
    """How good a model is on rows whose target is known.

    **Examples**

        tinynn evaluate patients_model new_patients.csv

        tinynn evaluate model.keras table.csv --target y --json
    """
    loaded, frame = models.load(model), table.read_csv(data)
    y = loaded.targets(frame, target)
    if y is None:
        column = f'the column "{loaded.preprocessing.target.name}"' if loaded.preprocessing else "--target"
        raise WrongUse(f"evaluate needs the true values: {column} is missing.")
    x = loaded.inputs(frame, target)
    if loaded.preprocessing is not None:
        known = y >= 0 if loaded.preprocessing.target.task == "classification" else np.isfinite(y)
        if not known.all():
            say(f"{int((~known).sum())} rows are left out: their target is missing, or a class that training had not.")
        if not known.any():
            raise WrongUse("no row has a target that the model knows.")
        outputs = loaded.model.predict(x[known], batch_size=4096, verbose=0)
        found = training.scores(loaded.preprocessing.target, y[known], outputs)
    elif not loaded.model.compiled:
        raise WrongUse("the model was saved without a loss, so that there is nothing to evaluate.")
    else:
        found = loaded.model.evaluate(x, y, verbose=0, return_dict=True)
    if as_json:
        emit_json({"rows": len(frame), **found})
    else:
        emit("\n".join(f"{name.replace('_', ' '):<12} {report.number(value)}" for name, value in found.items()))


@app.command()
@_mended
def predict(model: ModelPath, data: Table, target: TargetColumn = None, as_json: Json = False) -> None:
    """What a model says of rows: a CSV table on standard output, a line for each row.

    **Examples**

        tinynn predict patients_model new.csv > predictions.csv

        cut -d, -f1-30 all.csv | tinynn predict patients_model - --json
    """
    loaded, frame = models.load(model), table.read_csv(data)
    outputs = loaded.model.predict(loaded.inputs(frame, target), batch_size=4096, verbose=0)
    columns: dict[str, Any] = {}
    if loaded.preprocessing is None:
        columns = {f"output_{i}": column for i, column in enumerate(outputs.reshape(len(outputs), -1).T)}
    else:
        asked = loaded.preprocessing.target
        columns[asked.name] = asked.decode(outputs)
        if asked.task == "classification":
            for label, column in zip(asked.classes, table.probabilities(outputs).T):
                columns[f"probability of {label}"] = np.round(column.astype(np.float64), 6)
    found = pd.DataFrame(columns)
    if as_json:
        emit_json(found.to_dict(orient="records"))
    else:
        found.to_csv(sys.stdout, index=False)


@app.command()
@_mended
def summary(model: ModelPath, as_json: Json = False) -> None:
    """The layers of a model, their outputs and parameters.

    **Examples**

        tinynn summary model.keras

        tinynn summary patients_model --json
    """
    loaded = models.load(model)
    made = loaded.model
    if not as_json:
        emit(_summary(made))
        return
    layers = [
        {
            "name": layer.name,
            "class": type(layer).__name__,
            "output_shape": list(layer.output.shape),
            "parameters": layer.count_params(),
        }
        for layer in made.layers
    ]
    emit_json({"name": made.name, "layers": layers, "parameters": made.count_params(), "engine": made.engine})


@app.command()
@_mended
def convert(
    source: Annotated[str, typer.Argument(metavar="FROM", help="A model file, or a folder made by `tinynn train`.")],
    destination: Annotated[Path, typer.Argument(metavar="TO", help="The file to write; its ending says how.")],
    force: Annotated[bool, typer.Option(help="Write over a file that is there.")] = False,
) -> None:
    """Write a model in another format: .keras, .h5, .onnx; its weights alone: .weights.h5; its layers alone: .json.

    **Examples**

        tinynn convert old.h5 new.keras

        tinynn convert patients_model model.onnx
    """
    made = models.load(source).model
    if destination.exists() and not force:
        raise WrongUse(f"{destination} is there already. --force writes over it.")
    name = str(destination)
    try:
        if name.endswith(".json"):
            destination.write_text(made.to_json(indent=2) + "\n", encoding="utf-8")
        elif name.endswith(".weights.h5"):
            made.save_weights(name)
        elif name.endswith((".keras", ".h5", ".hdf5")):
            made.save(name)
        elif name.endswith(".onnx"):
            made.export(name, format="onnx")
        else:
            raise WrongUse(f"{destination} has no ending that says what to write: {', '.join(_WRITTEN)}.")
    except (ValueError, ImportError, NotImplementedError) as error:
        raise WrongUse(f"{destination} cannot be written: {error}") from None
    say(f"Written: {destination}")


@app.command()
@_mended
def explain(
    model: ModelPath,
    data: Table,
    row: Annotated[int, typer.Option(min=0, help="Which row, counted from 0.")] = 0,
    weight: Annotated[
        str | None, typer.Option(help="A number to explain by the chain rule, such as dense/kernel[3,1].")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page instead of text.")] = None,
    target: TargetColumn = None,
    as_json: Json = False,
) -> None:
    """What happens to one row on its way through the network and back, with all numbers.

    **Examples**

        tinynn explain patients_model patients.csv --row 4

        tinynn explain patients_model patients.csv --weight "dense_1/kernel[0,2]"
    """
    from tinynn import explain as explaining

    loaded, frame = models.load(model), table.read_csv(data)
    if row >= len(frame):
        raise WrongUse(f"--row {row}: the table has {len(frame)} rows, counted from 0.")
    frame = frame.iloc[[row]]
    y = loaded.targets(frame, target)
    if weight and y is None:
        raise WrongUse("--weight needs a table with the target: a weight's slope is that of the loss.")
    try:
        found: Any = explaining.trace(loaded.model, loaded.inputs(frame, target), y)
        if weight:
            name, index = _place(weight)
            found = found.why(name, *index)
    except (ValueError, KeyError, IndexError) as error:
        raise WrongUse(str(error.args[0] if error.args else error)) from None
    if html is not None:
        html.write_text(f"<!doctype html><meta charset='utf-8'>{found._repr_html_()}\n", encoding="utf-8")
        say(f"Written: {html}")
    elif as_json:
        emit_json(found.to_dict())
    else:
        emit(str(found))


@app.command("check-gradients")
@_mended
def check_gradients(
    model: ModelPath,
    data: Table,
    rows: Annotated[int, typer.Option(min=1, help="How many rows of the table to check with.")] = 8,
    tolerance: Annotated[float, typer.Option(help="Relative.")] = 1e-6,
    target: TargetColumn = None,
    as_json: Json = False,
) -> None:
    """Whether the gradients that a model trains with are the slopes of its loss: exit code 1 if not.

    **Examples**

        tinynn check-gradients patients_model patients.csv

        tinynn check-gradients model.keras table.csv --target y && echo right
    """
    from tinynn import explain as explaining

    loaded, frame = models.load(model), table.read_csv(data).iloc[:rows]
    y = loaded.targets(frame, target)
    if y is None:
        raise WrongUse("check-gradients needs the target in the table: a gradient is that of the loss.")
    try:
        found = explaining.check_gradients(loaded.model, loaded.inputs(frame, target), y, tolerance=tolerance)
    except ValueError as error:
        raise WrongUse(str(error)) from None
    if as_json:
        emit_json(found.to_dict())
    else:
        emit(str(found))
    if not found.passed:
        raise typer.Exit(1)


@app.command()
@_mended
def datasets(
    name: Annotated[str | None, typer.Argument(help="Which one to write as CSV to standard output.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of those that are made on the spot.")] = 0,
    as_json: Json = False,
) -> None:
    """The data sets that come with tinynn; with a name, one as a CSV table.

    **Examples**

        tinynn datasets

        tinynn datasets breast_cancer > cancer.csv && tinynn train cancer.csv --target target
    """
    from tinynn import datasets as known

    told = {each: (getattr(known, each).__doc__ or "").strip().splitlines()[0] for each in known.__all__}
    if name is None:
        if as_json:
            emit_json(told)
        else:
            emit("\n".join(f"{each:<20} {text}" for each, text in told.items()))
        return
    if name not in told:
        raise WrongUse(str(unknown_name("data set", name, told)))
    found = getattr(known, name)
    if callable(found):
        x, y = found(seed=seed)
    else:
        try:
            (x, y), (x_test, y_test) = found.load_data()
        except (OSError, ImportError) as error:
            raise WrongUse(str(error)) from None
        x, y = np.concatenate([x, x_test]), np.concatenate([y, y_test])
    x = x.reshape(len(x), -1)
    names = getattr(found, "feature_names", None)
    names = list(names) if names is not None and len(names) == x.shape[1] else [f"x{i}" for i in range(x.shape[1])]
    pd.DataFrame(x, columns=names).assign(target=y.reshape(len(y), -1)[:, 0]).to_csv(sys.stdout, index=False)


def _passed_on(module: str, context: typer.Context) -> None:
    """Run a tool that stands beside tinynn in its repository, with the arguments as they are."""
    if importlib.util.find_spec(module) is None or importlib.util.find_spec(f"{module}.cli") is None:
        raise WrongUse(
            f"{module} is not installed with tinynn: it stands in the repository. Clone it, go there, and say "
            f"`tinynn {context.info_name}` or `python -m {module}`."
        )
    raise typer.Exit(subprocess.run([sys.executable, "-m", module, *context.args], check=False).returncode)


_AS_THEY_ARE = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command(context_settings=_AS_THEY_ARE, add_help_option=False)
@_mended
def bench(context: typer.Context) -> None:
    """Time tinynn beside its peers (in a clone): `tinynn bench --help`."""
    _passed_on("benchmarks", context)


@app.command(context_settings=_AS_THEY_ARE, add_help_option=False)
@_mended
def parity(context: typer.Context) -> None:
    """Train the same in tinynn and Keras and compare (in a clone): `tinynn parity --help`."""
    _passed_on("parity", context)


_WRITTEN = (".keras", ".h5", ".hdf5", ".onnx", ".weights.h5", ".json")


def _units(text: str | None) -> list[int] | None:
    if text is None:
        return None
    parts = [part for part in re.split(r"[,\s]+", text) if part]
    if not all(part.isdigit() and int(part) > 0 for part in parts):
        raise WrongUse(f'--hidden is the units of each hidden layer, such as 64,32; got "{text}".')
    return [int(part) for part in parts]


def _known(kind: str, name: str, get: Callable[[Any], Any]) -> str:
    try:
        get(name)
    except ValueError as error:
        raise WrongUse(str(error)) from None
    return name


def _place(weight: str) -> tuple[str, list[int]]:
    """ "dense/kernel[3,1]" -> ("dense/kernel", [3, 1])."""
    found = re.fullmatch(r"(.+?)\[([\d,\s]+)\]", weight.strip())
    if not found:
        raise WrongUse(f'--weight is a name with an index, such as "dense/kernel[3,1]"; got "{weight}".')
    return found[1], [int(part) for part in found[2].split(",") if part.strip()]


def _summary(model: Any) -> str:
    lines = io.StringIO()
    model.summary(print_fn=lambda text, **_: lines.write(text + "\n"), line_length=80)
    return lines.getvalue().rstrip()


def _told(outcome: training.Outcome) -> str:
    names = list(outcome.scores)
    rows = [["", *(name.replace("_", " ") for name in names), "seconds"]]
    rows.append(["this network", *(report.number(outcome.scores[n]) for n in names), f"{outcome.seconds:.2f}"])
    if outcome.others:
        told = [report.number(outcome.others[n]) for n in names]
        rows.append(["scikit-learn", *told, f"{outcome.others['seconds']:.2f}"])
    rows.append(["no model", *(report.number(outcome.baseline[n]) if n in outcome.baseline else "" for n in names), ""])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [[cell.rjust(w) if i else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths))] for row in rows]
    return "\n".join("  ".join(line).rstrip() for line in lines)
