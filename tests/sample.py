"""How data/sample.csv was made; `python -m tests.sample > data/sample.csv` makes it anew."""

from engine.datasets.ratings import Pairs
from engine.datasets.simulated import PRESETS, Size, generate

SIZE = Size(n_users=60, n_items=50, n_biased=600, n_random=600)


def sample_text() -> str:
    """The file's content: simulated, strong hidden confounder, data_seed 0, nominal propensity."""
    ratings = generate(SIZE, PRESETS["strong"], data_seed=0)
    given = [f"{p:.4f}" for p in ratings.given_propensity]
    lines = ["user,item,rating,source,propensity"]
    lines += rows(ratings.biased, "biased", given)
    lines += rows(ratings.random, "uniform", [""] * len(ratings.random))
    return "\n".join(lines) + "\n"


def rows(pairs: Pairs, source: str, propensity: list[str]) -> list[str]:
    columns = zip(pairs.user, pairs.item, pairs.rating, propensity, strict=True)
    return [f"u{u + 1:02},i{i + 1:02},{r:.0f},{source},{p}" for u, i, r, p in columns]


if __name__ == "__main__":
    print(sample_text(), end="")
