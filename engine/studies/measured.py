"""What the store and the gallery know of one data set, for whoever judges a statement about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.claims import Claim
from engine.store.database import Store
from engine.store.studies import list_studies
from engine.studies.claim_check import check_family
from engine.studies.families import Family, Place, families, place_label
from engine.studies.gallery import read_gallery
from engine.studies.named import make_plan
from engine.studies.plan import Plan
from engine.studies.running import Study, read_study


@dataclass
class Known:
    """What the store and the gallery know of one data set, a study a kind, read when asked for.

    Every seed that any study of the kind was started or shipped with counts, beside those of its
    default.
    changes: settings that all studies share and that differ from the presets', as epochs.
    """

    store: Store
    dataset: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    _plans: dict[tuple[str, Any], Plan] = field(default_factory=dict)
    _studies: dict[str, Study] = field(default_factory=dict)

    def plan(self, kind: str, **choices: Any) -> Plan:
        """The study of that kind as its command starts it."""
        key = (kind, choices.get("seeds"))
        if key not in self._plans:
            self._plans[key] = make_plan(kind, self.dataset, **choices, **self.changes)
        return self._plans[key]

    def study(self, kind: str) -> Study:
        """The study of that kind, with every seed that has a result."""
        if kind not in self._studies:
            seeds = set(self.plan(kind).seeds)
            for record in list_studies(self.store):
                if (record.kind, record.dataset) == (kind, self.dataset):
                    seeds |= set(Plan.model_validate_json(record.plan).seeds)
            for shipped in read_gallery():
                if (shipped["plan"]["kind"], shipped["plan"]["dataset"]) == (kind, self.dataset):
                    seeds |= set(shipped["plan"]["seeds"])
            plan = self.plan(kind, seeds=tuple(sorted(seeds)))
            study = read_study(self.store, plan)
            used = set(study.frame.loc[study.frame["source"] != "", "seed"])
            kept = tuple(seed for seed in plan.seeds if seed in used)
            if kept and kept != plan.seeds:  # seeds of studies with other settings
                study = read_study(self.store, self.plan(kind, seeds=kept))
            self._studies[kind] = study
        return self._studies[kind]

    def claims(
        self, kind: str, key: str, keep: Callable[[Place, Place], bool] = lambda a, b: True
    ) -> tuple[tuple[Claim, ...], tuple[tuple[Place, Place], ...], Family]:
        """The checked claims of one family that `keep` lets through, and all pairs it does."""
        study = self.study(kind)
        family = next(one for one in families(study.plan) if one.key == key)
        pairs = tuple(pair for pair in family.pairs if keep(*pair))
        names = {tuple(place_label(study.plan, place) for place in pair) for pair in pairs}
        claims = check_family(self.store, study, family)
        return tuple(c for c in claims if (c.a, c.b) in names), pairs, family
