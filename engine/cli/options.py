"""Every field of a run as an option of a command, so that none is missing and none differs.

Values are taken as text and checked by `RunConfig`: a wrong one is answered with the same sentence
here, in the lab and in Python.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.config import SEED_FIELDS, RunConfig, allowed, changed
from engine.errors import ConfigError
from engine.presets import READINGS, preset
from engine.presets.files import read_settings


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


Command = Callable[..., None]
# Tuning has one seed for all that a seed is for, and starts from no finished run.
NOT_TUNED = frozenset({*SEED_FIELDS, "initial"})


def with_run_options(command: Command) -> Command:
    """Give `command(config, **rest)` an option for each field of RunConfig in place of `config`."""

    def first(given: dict[str, Any], values: dict[str, Any]) -> tuple[RunConfig]:
        return (config_of(given, values.pop("reading"), values.pop("settings")),)

    return _with_fields(command, first, list(RunConfig.model_fields), [_reading(), _settings()])


def with_fixed_options(command: Command) -> Command:
    """Give `command(config, fixed, **rest)` options for the preset's fields, seeds left out.

    fixed: the names of those that were given.
    """

    def first(given: dict[str, Any], values: dict[str, Any]) -> tuple[RunConfig, frozenset[str]]:
        return config_of(given), frozenset(given)

    fields = [name for name in RunConfig.model_fields if name not in NOT_TUNED]
    return _with_fields(command, first, fields, [], own_first=True)


def _with_fields(
    command: Command,
    first: Callable[[dict[str, Any], dict[str, Any]], tuple[Any, ...]],
    fields: Sequence[str],
    more: Sequence[inspect.Parameter],
    own_first: bool = False,
) -> Command:
    """`command` with options for `fields` and `more`, from which `first` makes its first arguments.

    Its parameters that are keyword-only become options too, after these or before them.
    """
    all_of_it = inspect.signature(command, eval_str=True).parameters.values()
    rest = [p for p in all_of_it if p.kind is inspect.Parameter.KEYWORD_ONLY]

    def wrapped(**values: Any) -> None:
        given = {name: values.pop(name) for name in fields}
        arguments = first({k: v for k, v in given.items() if v is not None}, values)
        command(*arguments, **values)

    options = [*more, *(_option(name) for name in fields)]
    parameters = [*rest, *options] if own_first else [*options, *rest]
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


def _settings() -> inspect.Parameter:
    help_text = "file that `tune` wrote, to start from with its seed; other options go on top."
    annotation = Annotated[Path | None, typer.Option("--settings", help=help_text, metavar="FILE")]
    return inspect.Parameter(
        "settings", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def config_of(
    given: dict[str, Any], reading: str | None = None, settings: Path | None = None
) -> RunConfig:
    """The preset of the data set and method, or what a file holds, with what was given on top.

    Raises:
        ConfigError: the first value that is not allowed, or a file that cannot be started from.
    """
    fields = dict(given)
    if "moments" in fields:
        fields["moments"] = tuple(part.strip() for part in fields["moments"].split(","))
    if settings is not None:
        return _from_file(settings, fields, reading)
    dataset = fields.pop("dataset", RunConfig.model_fields["dataset"].default)
    return preset(dataset, fields.pop("method", "ips"), reading or "corrected", **fields)


def _from_file(settings: Path, fields: dict[str, Any], reading: str | None) -> RunConfig:
    if reading is not None:
        raise ConfigError("reading", reading, "no reading beside --settings", "leave one out")
    tuned = read_settings(settings, fields.pop("dataset", None))
    method = fields.pop("method", tuned.method)
    if method != tuned.method:
        raise ConfigError(
            "method", method, f"{tuned.method}, which the settings are of", "leave it out"
        )
    return changed(tuned.config, **fields)
