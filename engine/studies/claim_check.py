"""The claims of a study, checked on its finished runs (METHOD 6).

Scores of the clean test ratings are computed anew from the stored prediction models, so that users
can be resampled. What was checked is kept beside the runs, by their ids: it never changes. A cell
of the gallery has no scores; its claims come with the gallery, checked when it was made.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engine.claims import Claim, Contest, SeedTest, check_claims
from engine.datasets.catalogue import spec_of
from engine.datasets.ratings import FloatArray
from engine.errors import ConfigError, CounterweightError
from engine.store.database import Store
from engine.store.records import arrays_path, to_json, write_atomically
from engine.studies.cells import PENDING
from engine.studies.families import Family, Place, families, place_label
from engine.studies.gallery import read_gallery
from engine.studies.plan import Plan
from engine.studies.running import Study
from engine.studies.scores import clean_test, same_data, score_pairs

FORMAT = 1
FOLDER = "claims"
Pair = tuple[Place, Place]


def check_study(store: Store, study: Study) -> tuple[Claim, ...]:
    """Every claim of a study that can be checked now, family by family (`families.families`).

    A pair is checked once none of its runs trains or waits any more, over the seeds both have.
    Pairs whose cells all come from the gallery bring the gallery's claims. Seconds the first time
    (a minute on Music), then read from a file.
    """
    return tuple(
        claim for family in families(study.plan) for claim in check_family(store, study, family)
    )


def check_family(store: Store, study: Study, family: Family) -> tuple[Claim, ...]:
    """The claims of one family; none where nothing was measured or its data are not here."""
    cells = _cells(study.frame)
    contests: dict[tuple[int, ...], list[Pair]] = defaultdict(list)
    shipped: list[Claim] = []
    for pair in family.pairs:
        seeds = _seeds(store.home, cells, pair, study.plan.seeds)
        if seeds:
            contests[seeds].append(pair)
        else:
            shipped += _shipped(study.plan, cells, family, pair)
    return (*_measured(store, study.plan, cells, family, contests), *shipped)


def claims_to_json(claims: Iterable[Claim]) -> list[dict[str, Any]]:
    """Claims as JSON holds them, one dict each: what a gallery file keeps under "claims"."""
    return [asdict(claim) for claim in claims]


def claims_from_json(content: Iterable[dict[str, Any]]) -> tuple[Claim, ...]:
    """The inverse of `claims_to_json`.

    Raises:
        TypeError: a field is missing or unknown.
    """
    return tuple(Claim(**fields) for fields in content)


@dataclass(frozen=True)
class _Cell:
    run: str
    source: str
    pending: bool
    key: str


def _cells(frame: pd.DataFrame) -> dict[tuple[str, Any, int], _Cell]:
    columns = frame[["series", "x", "seed", "run", "source", "state", "key"]]
    return {
        (series, None if _nothing(x) else x, seed): _Cell(
            run, source, state in PENDING or state == "waiting", key
        )
        for series, x, seed, run, source, state, key in columns.itertuples(index=False)
    }


def _nothing(x: Any) -> bool:
    return x is None or (isinstance(x, float) and math.isnan(x))


def _seeds(
    home: Path, cells: dict[tuple[str, Any, int], _Cell], pair: Pair, seeds: Sequence[int]
) -> tuple[int, ...]:
    """The seeds in which both places have a measured run with its model, none while any trains."""
    found = []
    for seed in seeds:
        both = [cells[series, x, seed] for series, x in pair]
        if any(cell.pending for cell in both):
            return ()
        if all(c.source == "measured" and arrays_path(home, c.run).exists() for c in both):
            found.append(seed)
    return tuple(found)


def _shipped(
    plan: Plan, cells: dict[tuple[str, Any, int], _Cell], family: Family, pair: Pair
) -> list[Claim]:
    """The gallery's claims about a pair that is all the gallery's, seeds and all."""
    own = [cells[series, x, seed] for series, x in pair for seed in plan.seeds]
    if any(cell.source != "gallery" for cell in own):
        return []
    a, b = (place_label(plan, place) for place in pair)
    for study in read_gallery():
        if not all(cell.key in study["cells"] for cell in own):
            continue
        if list(study["plan"]["seeds"]) != list(plan.seeds):
            continue
        claims = claims_from_json(study.get("claims", ()))
        found = [c for c in claims if (c.family, c.a, c.b) == (family.name, a, b)]
        if found:
            return found
    return []


def _measured(
    store: Store,
    plan: Plan,
    cells: dict[tuple[str, Any, int], _Cell],
    family: Family,
    contests: dict[tuple[int, ...], list[Pair]],
) -> tuple[Claim, ...]:
    if not contests:
        return ()
    content = {
        "format": FORMAT,
        "family": asdict(family),
        "data": plan.dataset,
        "contests": [
            [seeds, [[[cells[s, x, seed].run for seed in seeds] for s, x in p] for p in pairs]]
            for seeds, pairs in contests.items()
        ],
    }
    key = hashlib.sha256(to_json(content).encode()).hexdigest()[:24]
    path = store.home / FOLDER / f"{key}.json"
    if path.exists():
        return claims_from_json(json.loads(path.read_bytes()))
    try:
        made = [_contest(store, plan, cells, family, *one) for one in contests.items()]
        claims = check_claims(family.name, made)
    except CounterweightError:  # its data or arrays are gone, or a run's scores are no numbers
        return ()
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, to_json(claims_to_json(claims)).encode())
    return claims


def _contest(
    store: Store,
    plan: Plan,
    cells: dict[tuple[str, Any, int], _Cell],
    family: Family,
    seeds: tuple[int, ...],
    pairs: list[Pair],
) -> Contest:
    places = list(dict.fromkeys(place for pair in pairs for place in pair))
    names = {place: place_label(plan, place) for place in places}
    simulated = plan.dataset.startswith("simulated")
    own = plan.dataset.startswith("csv:")
    return Contest(
        data=plan.dataset if own else spec_of(plan.dataset).about.title,
        tests=tuple(_test(store, plan, cells, seed, names) for seed in seeds),
        pairs=tuple((names[a], names[b]) for a, b in pairs),
        metrics=family.metrics,
        same_users=not simulated,
    )


def _test(
    store: Store,
    plan: Plan,
    cells: dict[tuple[str, Any, int], _Cell],
    seed: int,
    names: dict[Place, str],
) -> SeedTest:
    """One seed's clean test ratings, scored by every place's run."""
    series = {one.key: one for one in plan.series}
    configs = {place: plan.config_of(series[place[0]], place[1], seed) for place in names}
    first, *others = configs.values()
    if not all(same_data(first, other) for other in others):
        raise ConfigError(
            "split",
            first.split,
            "runs tested on the same ratings",
            'vary uniform_fraction with split "nested"',
        )
    pairs, label = clean_test(first)
    scores: dict[str, FloatArray] = {
        name: score_pairs(store.home, cells[(*place, seed)].run, pairs)
        for place, name in names.items()
    }
    return SeedTest(np.asarray(pairs.user), label, scores)
