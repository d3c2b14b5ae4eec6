"""Studies: start and read them, their tables and their claims."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.claims import Claim
from engine.errors import ConfigError
from engine.store.opening import open_runs
from engine.store.studies import StudyRecord, list_studies
from engine.studies import Plan, claim_check, export, running
from engine.studies import paper_claims as claim_list
from engine.studies import tables as paper_tables
from engine.studies.cells import NUMBERS
from engine.studies.claim_check import claims_to_json
from engine.studies.estimate import Estimate
from engine.studies.estimate import estimate as _estimate
from engine.studies.gallery import read_gallery, write_gallery
from engine.studies.paper_claims import PaperClaim
from engine.studies.running import Study
from engine.studies.tables import Part, Table

TABLE_FORMS = tuple(export.WRITERS)
# How a table's cells are written, for those who draw it themselves.
TABLE_TITLES = export.TITLES
measured_text, published_text = export.measured_text, export.published_text
relative_text, table_columns = export.relative_text, export.table_columns


def study(plan: Plan | str) -> Study:
    """A study by its plan, started or not, or by the id of a started one: state and frame.

    The frame has a row a cell (`engine.studies.cells.COLUMNS`); cells that no run of this store
    stands for show the gallery's numbers where it has them (source "gallery").

    Raises:
        StoreError: no study has that id.
    """
    store = open_runs()
    return running.read_study(store, plan if isinstance(plan, Plan) else _plan(plan))


def _plan(study: str) -> Plan:
    return running.plan_of(open_runs(), study)


def studies() -> list[StudyRecord]:
    """Every study that was started in this store, newest first."""
    return list_studies(open_runs())


def start_study(plan: Plan) -> str:
    """Launch what no run stands for yet; the study's id. Workers train it after the lab's runs.

    Raises:
        ConfigError, DataError: it cannot be trained; nothing has changed then.
    """
    running.start(open_runs(), plan)
    return plan.id


def pause_study(study: str) -> None:
    """Checkpoint and leave the workers free; StoreError when there is no such study."""
    running.pause(open_runs(), study)


def resume_study(study: str) -> None:
    """Go on where it was paused or stopped; StoreError when there is no such study."""
    running.resume(open_runs(), study)


def stop_study(study: str) -> None:
    """End what trains of it, and launch no more; StoreError when there is no such study."""
    running.stop(open_runs(), study)


def estimate(study: Study) -> Estimate:
    """Seconds the rest of a study takes, from runs like its own that have ended."""
    return _estimate(open_runs(), study.frame)


def save_study(study: Study, folder: Path, command: str) -> Path:
    """Keep a finished study's numbers, no rating, as a file of the gallery; its path.

    Raises:
        ConfigError: a run is missing. StoreError: the file cannot be written.
    """
    claims = claims_to_json(check_study(study))
    with open_runs().in_words():
        return write_gallery(folder, study.plan, study.frame, NUMBERS, command, claims)


def check_study(study: Study) -> tuple[Claim, ...]:
    """The claims of a study that can be checked now, at once where they were checked before.

    Seconds otherwise, a minute on Music: bootstrap over users and seeds (METHOD 6).
    """
    return claim_check.check_study(open_runs(), study)


def paper_claims(dataset: str, **changes: Any) -> list[PaperClaim]:
    """The paper's claims and ours about one data set, each with its verdict so far.

    Args:
        changes: settings of the runs that differ from the presets', such as confounding, epochs.

    Raises:
        ConfigError: no data set of that name, or changes that make no run.
    """
    return claim_list.paper_claims(open_runs(), dataset, **changes)


def table(study: Study, part: Part = "test_clean", claims: Sequence[Claim] = ()) -> Table:
    """A study without an axis as a table: measured beside published, gains, marks by `claims`."""
    return paper_tables.make_table(study, part, claims)


def table_text(table: Table, form: str) -> str:
    """A table as text.

    Raises:
        ConfigError: the form is none of TABLE_FORMS.
    """
    if form not in export.WRITERS:
        raise ConfigError("form", form, "one of " + ", ".join(TABLE_FORMS))
    return export.WRITERS[form](table)


def gallery() -> tuple[dict[str, Any], ...]:
    """The studies that ship: plan, how they were made, cells, references, claims."""
    return read_gallery()
