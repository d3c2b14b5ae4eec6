"""What the Tables page says: plain functions from values to sentences."""

from __future__ import annotations

from dashboard.text.steering import left, wall

TITLES = {"2": "Table 2", "3": "Table 3", "4": "Table 4"}
ABOUT = {
    "2": "Every method, with uniform weights and balanced.",
    "3": "Balanced methods that start from a finished IPS, DR or AutoDebias.",
    "4": "Bal-AutoDebias with MF or NCF as balancing model of w₁ and of w₂.",
}
MOMENTS = {"e": "{e}", "e,r": "{e, r}", "both": "both"}
PARTS = {"test_clean": "clean", "test": "as published"}
FORMS = {"markdown": "Markdown", "latex": "LaTeX", "csv": "CSV"}
FAMILIES = {
    "Table 2: balanced over base": "over the base method",
    "Table 2: Bal-AutoDebias over every other method": "Bal-AutoDebias over the rest",
    "Table 2: {e, r} over {e}": "{e, r} over {e}",
    "Table 3: balanced over its start": "over the start",
    "Table 4: NCF for w1 with MF for w2 over the other three": "NCF and MF over the rest",
}
# Verdict -> the class its chip has: a hue is never all that tells verdicts apart.
CHIPS = {
    "supported": "yes",
    "supported but negligible": "little",
    "practically equal": "equal",
    "undecided": "open",
    "contradicted": "no",
    "not measured yet": "none",
}
HELP = {
    "datasets": "Type csv:PATH for your own ratings.",
    "seeds": "Each varies initialisation and split together, and the data too where they are "
    "simulated. A claim check needs five or more.",
    "moments": "What the balanced rows balance: the error e, as in the paper, or the error and the "
    "label r",
    "methods": "Some base methods only; none chosen: all of them",
    "lam": "Strength of the constraint, fixed before any result: 4 unless told otherwise",
    "epochs": "At most so many passes; empty: as the preset",
    "confounding": "How strongly something no model sees drives both what users rate and how",
    "part": "Clean: test pairs that the biased ratings hold too are dropped. Claims rest on these. "
    "The paper keeps them, which flatters every method",
}
CHECKED_LATER = (
    "Verdicts follow once no run of a pair trains any more; until they are checked, gains with "
    "their own 95 % intervals."
)
FEW = "Verdicts need five seeds or more; these are gains with their own 95 % intervals."
UNCHECKED = (
    "No claim was checked on exactly these runs (computed earlier, or their models or ratings are "
    "not here); these are gains with their own 95 % intervals."
)
CLAIMS_NOTE = (
    "Gain with an interval that holds for all claims of the family at once (bootstrap over users "
    "and seeds, clean test ratings). What matters: AUC 0.005, NDCG 0.01, MSE 0.001, log loss 0.005."
)


def status(
    phase: str, measured: int, total: int, estimate: tuple[float, bool], workers: int
) -> str:
    """How far a study is, in a line; estimate: as for `wall`."""
    if measured >= total:
        return f"All {total:,} runs measured here"
    if phase == "active":
        return f"{measured:,} of {total:,} runs measured{left(estimate, workers)}"
    if phase == "paused":
        return f"Paused at {measured:,} of {total:,} runs"
    missing = total - measured
    runs = f"{missing:,} of {total:,} runs" if measured else f"{total:,} runs"
    return f"{runs} to train{wall(estimate, workers)}"


def earlier(cells: int, total: int) -> str:
    """That numbers came with the program."""
    which = "All numbers" if cells == total else f"{cells:,} of {total:,} results"
    return f"{which} were computed earlier and came with Counterweight; your own replace them."
