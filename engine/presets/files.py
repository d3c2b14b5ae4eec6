"""Settings in a file: what tuning chose on one seed's validation ratings, for later runs.

JSON, one object: dataset, method, balance, seed, metric, value, preset_value, trials, failed,
noise, config (complete, without its seeds), engine.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.config import SEED_FIELDS, RunConfig, changed, make_config, seed_fields
from engine.errors import ConfigError
from engine.store.records import write_atomically

SAME = ("dataset", "method", "balance", "metric")  # of all files that stand for one system
_COMMAND = "python -m engine tune --out FILE"


@dataclass(frozen=True)
class Tuned:
    """Settings chosen on the validation ratings of one seed.

    config: complete, with the seeds it was tuned on. metric, value: what was tuned, and its value
    on the validation ratings at the run's best epoch. preset_value: of the preset, the first trial;
    None where it failed. trials: all there were, failed ones and earlier calls included.
    standard_error: of `value` for the draw of the validation ratings, None where it has no formula.
    """

    config: RunConfig
    seed: int
    metric: str
    value: float
    preset_value: float | None
    trials: int
    failed: int
    validation_ratings: int
    standard_error: float | None = None
    engine: str | None = None

    @property
    def dataset(self) -> str:
        """The data set it was tuned on."""
        return self.config.dataset

    @property
    def method(self) -> str:
        """The base method."""
        return self.config.method

    @property
    def balance(self) -> str:
        """Its balancing weights."""
        return self.config.balance

    def as_json(self) -> dict[str, Any]:
        """What the file holds."""
        return {
            **{name: getattr(self, name) for name in ("dataset", "method", "balance", "seed")},
            **{name: getattr(self, name) for name in ("metric", "value", "preset_value")},
            **{name: getattr(self, name) for name in ("trials", "failed")},
            "noise": {
                "standard_error": self.standard_error,
                "validation_ratings": self.validation_ratings,
            },
            # Seeds are no settings: the file says once which seed they were tuned on.
            "config": self.config.model_dump(mode="json", exclude=set(SEED_FIELDS)),
            "engine": self.engine,
        }


def seeded(config: RunConfig, seed: int) -> RunConfig:
    """`config` with that seed for initialisation and split, and for the data if simulated."""
    return changed(config, **seed_fields(config, seed))


def write_settings(tuned: Tuned, path: Path) -> None:
    """Write the file, whole or not at all; folders are made.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(tuned.as_json(), indent=2, allow_nan=False, ensure_ascii=False)
        write_atomically(path, (text + "\n").encode())
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError("out", str(path), f"a file that can be written ({reason})") from error


def read_settings(path: Path, dataset: str | None = None) -> Tuned:
    """The settings in a file that `write_settings` wrote, checked like any others.

    Args:
        dataset: what the caller wants to train on; None for whatever the file is of.

    Raises:
        ConfigError: the file cannot be read or is of something else, it is of another data set, or
            it has a field or value that this version does not know.
    """
    tuned = _tuned(path, _content(path))
    if dataset is not None and tuned.dataset != dataset:
        raise ConfigError(
            "settings",
            str(path),
            f"settings of the data set {dataset}; these were tuned on {tuned.dataset}",
            f"leave --dataset out, or tune on {dataset}",
        )
    return tuned


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(
            "settings", str(path), f"a file that can be read ({reason})", f"make one by {_COMMAND}"
        ) from error
    except ValueError as error:
        raise ConfigError("settings", str(path), f"JSON ({error})", _remake()) from error
    if not isinstance(content, dict) or not isinstance(content.get("config"), dict):
        raise ConfigError("settings", str(path), "a file that tuning wrote", _remake())
    return content


def _tuned(path: Path, content: dict[str, Any]) -> Tuned:
    try:
        config = seeded(make_config(**content["config"]), content["seed"])
        noise = content["noise"]
        found = Tuned(
            config=config,
            **{name: int(content[name]) for name in ("seed", "trials", "failed")},
            metric=str(content["metric"]),
            value=float(content["value"]),
            preset_value=_number(content["preset_value"]),
            validation_ratings=int(noise["validation_ratings"]),
            standard_error=_number(noise["standard_error"]),
            engine=content.get("engine"),
        )
        said = tuple(str(content[name]) for name in SAME[:3])
    except ConfigError as error:
        raise ConfigError(
            f"settings {path}, {error.field}", error.got, error.allowed, error.fix or _remake()
        ) from error
    except KeyError as error:
        raise ConfigError(
            "settings", str(path), f"a file that holds {error.args[0]}", _remake()
        ) from error
    except (TypeError, ValueError) as error:
        raise ConfigError(
            "settings", str(path), f"values of their kind ({error})", _remake()
        ) from error
    if not math.isfinite(found.value) or said != (found.dataset, found.method, found.balance):
        raise ConfigError("settings", str(path), "one whose parts agree", _remake())
    return found


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _remake() -> str:
    return f"make it again by {_COMMAND}"


def tuned_per_seed(
    source: Path | Sequence[Path],
    seeds: Iterable[int] = (),
    *,
    dataset: str | None = None,
    method: str | None = None,
    balance: str | None = None,
    metric: str | None = None,
) -> dict[int, Tuned]:
    """Seed -> the settings tuned on it, from files or from a folder of them, by seed.

    Every seed trains with the settings that its own validation ratings chose, so no test rating of
    any seed has served a choice.

    Args:
        source: files, all of which are wanted; or a folder, whose `*.json` are looked through.
        seeds: those that must be there; () for whichever are.
        dataset, method, balance, metric: which files of a folder are meant; None for any.

    Raises:
        ConfigError: as `read_settings`; a seed has no file or two; files are of different systems.
    """
    folder = isinstance(source, Path)
    paths = sorted(source.glob("*.json")) if isinstance(source, Path) else list(source)
    meant = {"dataset": dataset, "method": method, "balance": balance, "metric": metric}
    meant = {name: value for name, value in meant.items() if value is not None}
    found: dict[int, tuple[Path, Tuned]] = {}
    for path in paths:
        tuned = read_settings(path, None if folder else dataset)
        if folder and any(getattr(tuned, name) != value for name, value in meant.items()):
            continue
        _must_agree(path, tuned, found)
        found[tuned.seed] = (path, tuned)
    missing = sorted(set(seeds) - found.keys()) if seeds else []
    if missing or not found:
        where = str(source) if folder else ", ".join(map(str, paths))
        wanted = f"seed {', '.join(map(str, missing))}" if missing else "a seed"
        words = ", ".join(f"{name} {value}" for name, value in meant.items())
        raise ConfigError(
            "settings",
            where,
            f"a file tuned on {wanted}" + (f" ({words})" if words else ""),
            "run python -m engine tune --seed SEED --out FILE for it",
        )
    return {seed: found[seed][1] for seed in sorted(found)}


def _must_agree(path: Path, tuned: Tuned, found: dict[int, tuple[Path, Tuned]]) -> None:
    """No two files of one seed, and none of another system."""
    if tuned.seed in found:
        raise ConfigError(
            "settings",
            f"{found[tuned.seed][0]}, {path}",
            f"one file of seed {tuned.seed}",
            "say which dataset, method, balance and metric are meant, or leave one out",
        )
    for other, held in found.values():
        for name in SAME:
            if getattr(held, name) != getattr(tuned, name):
                raise ConfigError(
                    "settings",
                    f"{other}, {path}",
                    f"files of one {name} ({getattr(held, name)}, {getattr(tuned, name)})",
                    f"say which {name} is meant",
                )
