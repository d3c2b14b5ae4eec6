"""How cost grows with the number of biased ratings, by the sampler of single pairs.

A million users and 100,000 items, 1e11 pairs that nobody holds; the dimension stays, the ratings
grow from 1e5 to 1e7. Every size is measured in a process of its own. Seconds are of processor time,
one thread, evaluation included. Memory is what the process holds at most from the moment the
ratings are there, less what it held before them (the interpreter and its libraries); beside it what
a run cannot do without: parameters, optimizer state and ratings.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.bench.timing import apart, forget_most_resident, most_resident, resident
from engine.bench.wide import ITEMS, USERS, wide
from engine.config import RunConfig
from engine.presets import preset

SIZES = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
EPOCHS = 2  # the first warms up
MOST = 1.5  # times what is counted
GIB = 2**30


@dataclass(frozen=True)
class Scale:
    """One size. held_gib: at most, see above; counted_gib: parameters, optimizer state, ratings."""

    case: str
    ratings: int
    epoch_seconds: float
    microseconds_per_rating: float
    held_gib: float
    counted_gib: float
    ratio: float
    target: float = MOST


def settings() -> RunConfig:
    """Bal-IPS with an MF balancing model, whose rows are updated as the prediction model's are."""
    return preset(
        "simulated-music",
        "ips",
        propensity="naive_bayes",
        weights_model="mf",
        sampler="pairs",
        batch_size=4096,
        lr=1e-3,
        weight_decay=1e-2,
        p_min=1e-9,
        patience=0,
        best_after=EPOCHS,  # no copy of a best epoch's parameters
        epochs=EPOCHS + 1,
    )


def scaling(sizes: Sequence[int] = SIZES) -> Iterator[Scale]:
    """Every size, as it is measured."""
    for n in sizes:
        yield apart(scale, settings(), n)


def scale(config: RunConfig, n: int, shape: tuple[int, int] = (USERS, ITEMS)) -> Scale:
    """One size, measured in this process; shape: users and items."""
    from engine.events import GroupEpoch
    from engine.jobs.building import keep_buffers_of, tuned, warm_up
    from engine.jobs.memory import give_back
    from engine.training.trainer import Trainer

    warm_up()  # as a worker does before its first job
    before = resident()
    ratings = wide(n, *shape)
    give_back()
    forget_most_resident()
    with tuned():
        keep_buffers_of([config])
        trainer = Trainer({"run": config}, ratings)
        give_back()
        begun = time.process_time()
        for event in trainer.events():
            if isinstance(event, GroupEpoch):
                now = time.process_time()
                seconds, begun = now - begun, now
                if event.epoch == EPOCHS:
                    break
    held = most_resident() - before
    tensors, _ = trainer.state()
    parts = ("theta/", "theta_step/", "xi/", "xi_step/")
    counted = sum(v.nbytes for k, v in tensors.items() if k.startswith(parts))
    biased = ratings.biased
    counted += biased.user.nbytes + biased.item.nbytes + biased.rating.nbytes
    return Scale(
        f"Bal-IPS by pairs, d = {config.d}, {ratings.n_users:.0e} users, {n:.0e} ratings",
        n,
        seconds,
        1e6 * seconds / n,
        held,
        counted / GIB,
        held / (counted / GIB),
    )


def draw(found: Sequence[Scale], path: Path) -> None:
    """Both curves as SVG or PNG, by the ending of `path`."""
    chart(found).save(str(path))


def chart(found: Sequence[Scale]) -> Any:
    """Seconds an epoch, both axes logarithmic, and memory against |B|."""
    import altair as alt
    import pandas as pd

    rows = pd.DataFrame([asdict(row) for row in found])
    last = rows.iloc[-1]
    rows["linear"] = last.epoch_seconds * rows.ratings / last.ratings
    rows["bound"] = MOST * rows.counted_gib
    x = (
        alt.X("ratings:Q", title="Biased ratings |B|")
        .scale(type="log", domain=[min(SIZES), max(SIZES)])
        .axis(values=list(SIZES), format="~s")
    )

    def curve(y: str, title: str, legend: str, **style: Any) -> Any:
        scale = alt.Scale(type="log") if y in ("epoch_seconds", "linear") else alt.Scale(zero=True)
        base = alt.Chart(rows.assign(curve=legend)).encode(
            x=x,
            y=alt.Y(f"{y}:Q", title=title, scale=scale),
            color=alt.Color("curve:N", title=None, legend=alt.Legend(orient="top")).scale(
                domain=["measured", "linear", "counted", f"{MOST} × counted"],
                range=["#E69F00", "#6B7280", "#009E73", "#6B7280"],
            ),
        )
        return base.mark_line(point=not style, **style)

    seconds = curve("epoch_seconds", "Processor seconds an epoch", "measured") + curve(
        "linear", "Processor seconds an epoch", "linear", strokeDash=[4, 4]
    )
    memory = (
        curve("held_gib", "Memory held at most, GiB", "measured")
        + curve("counted_gib", "Memory held at most, GiB", "counted", strokeDash=[1, 2])
        + curve("bound", "Memory held at most, GiB", f"{MOST} × counted", strokeDash=[4, 4])
    )
    sizes = {"width": 360, "height": 280}
    title = "A million users, 100,000 items: cost against ratings, sampler of pairs"
    return alt.hconcat(seconds.properties(**sizes), memory.properties(**sizes)).properties(
        title=title
    )
