"""Every field of a run as an option of a command, so that none is missing and none differs.

Values are taken as text and checked by `RunConfig`: a wrong one is answered with the same sentence
here, in the lab and in Python.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.config import RunConfig, allowed
from engine.presets import READINGS, preset


def _home(variable: str) -> Callable[[Path | None], Path | None]:
    """Let this process, and those it starts, use the folder given."""

    def use(folder: Path | None) -> Path | None:
        if folder is not None:
            os.environ[variable] = str(folder.resolve())
        return folder

    return use


DataHome = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="folder of the ratings (else COUNTERWEIGHT_DATA, else ./data)",
        callback=_home("COUNTERWEIGHT_DATA"),
    ),
]
RunsHome = Annotated[
    Path | None,
    typer.Option(
        "--runs",
        metavar="DIR",
        help="folder of the runs (else COUNTERWEIGHT_RUNS, else ./runs)",
        callback=_home("COUNTERWEIGHT_RUNS"),
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, for programs")]


def with_run_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give `command(config, **rest)` an option for each field of RunConfig in place of `config`."""
    rest = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    options = [_option(name) for name in RunConfig.model_fields]

    def wrapped(**values: Any) -> None:
        given = {name: values.pop(name) for name in RunConfig.model_fields}
        reading = values.pop("reading") or "corrected"
        command(config_of({k: v for k, v in given.items() if v is not None}, reading), **values)

    parameters = [
        _reading(),
        *options,
        *(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in rest),
    ]
    wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    wrapped.__doc__, wrapped.__name__ = command.__doc__, command.__name__
    return wrapped


def _option(name: str) -> inspect.Parameter:
    info = RunConfig.model_fields[name]
    help_text = f"{info.description}: {allowed(name)}."
    annotation = Annotated[
        str | None, typer.Option(f"--{name.replace('_', '-')}", help=help_text, metavar="VALUE")
    ]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def _reading() -> inspect.Parameter:
    help_text = f"preset to start from: {', '.join(READINGS)} (corrected); see `presets`."
    annotation = Annotated[str | None, typer.Option("--reading", help=help_text, metavar="VALUE")]
    return inspect.Parameter(
        "reading", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def config_of(given: dict[str, Any], reading: str = "corrected") -> RunConfig:
    """The preset of the data set and method, with what was given on top.

    Raises:
        ConfigError: the first value that is not allowed.
    """
    fields = dict(given)
    if "moments" in fields:
        fields["moments"] = tuple(part.strip() for part in fields["moments"].split(","))
    dataset = fields.pop("dataset", RunConfig.model_fields["dataset"].default)
    return preset(dataset, fields.pop("method", "ips"), reading, **fields)
