"""The data sets by name: what each is, whether it is here, and how to read it."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from engine.config import RunConfig
from engine.datasets import coat, fetch, music, own, simulated
from engine.datasets.home import folder_of
from engine.datasets.ratings import Ratings
from engine.errors import ConfigError, DataError

OWN_PREFIX = "csv:"


@dataclass(frozen=True)
class DatasetInfo:
    """What the Data page and `datasets` show. Counts are of the published or simulated data.

    where: the folder or file it is read from; empty for data made on the spot.
    """

    name: str
    title: str
    simulated: bool
    installed: bool
    where: str
    n_users: int | None
    n_items: int | None
    n_biased: int | None
    n_random: int | None
    licence: str
    citation: str
    url: str
    how_to_get: str


@dataclass(frozen=True)
class DatasetSpec:
    """How a data set is read and described.

    loader: (folder or file, confounding, data_seed) -> Ratings. folder: where it lies, None when
    nothing is read. files: the files in `folder` that say it is here, or () when none are.
    """

    about: DatasetInfo
    loader: Callable[[Path, str, int], Ratings]
    folder: Callable[[], Path] | None = None
    files: Callable[[Path], tuple[Path, ...]] = lambda folder: ()

    def info(self) -> DatasetInfo:
        """The description, with what is installed now."""
        if self.folder is None:
            return self.about
        folder = self.folder()
        return replace(self.about, installed=bool(self.files(folder)), where=str(folder))


def _simulated(name: str, title: str) -> DatasetSpec:
    size = simulated.SIZES[name]
    about = DatasetInfo(
        name=name,
        title=title,
        simulated=True,
        installed=True,
        where="",
        n_users=size.n_users,
        n_items=size.n_items,
        n_biased=size.n_biased,
        n_random=size.n_random,
        licence="made by this program; no restriction",
        citation="engine/datasets/simulated.py",
        url="",
        how_to_get="nothing to get: it is made on the spot",
    )
    return DatasetSpec(about, lambda path, preset, seed: simulated.simulate(name, preset, seed))


def _coat_files(folder: Path) -> tuple[Path, ...]:
    paths = tuple(folder / name for name in fetch.COAT_FILES)
    return paths if all(path.is_file() for path in paths) else ()


def _music_files(folder: Path) -> tuple[Path, ...]:
    found = music.layout(folder)
    return () if found is None else (folder / found.biased, folder / found.random)


COAT = DatasetSpec(
    DatasetInfo(
        name="coat",
        title="Coat",
        simulated=False,
        installed=False,
        where="",
        n_users=coat.N_USERS,
        n_items=coat.N_ITEMS,
        n_biased=6_960,
        n_random=4_640,
        licence="no licence stated by its authors; offered for research, cite the paper",
        citation="Schnabel, Swaminathan, Singh, Chandak, Joachims: Recommendations as Treatments: "
        "Debiasing Learning and Evaluation. ICML 2016",
        url="https://www.cs.cornell.edu/~schnabts/mnar/",
        how_to_get="python -m engine datasets get coat",
    ),
    loader=lambda folder, preset, seed: coat.read_coat(folder),
    folder=lambda: folder_of("coat", "train.ascii"),
    files=_coat_files,
)
MUSIC = DatasetSpec(
    DatasetInfo(
        name="music",
        title="Music (Yahoo! R3)",
        simulated=False,
        installed=False,
        where="",
        n_users=music.N_USERS,
        n_items=music.N_ITEMS,
        n_biased=music.N_BIASED,
        n_random=music.N_RANDOM,
        licence="by agreement with Yahoo Webscope only, for research; not to be passed on",
        citation="Marlin, Zemel: Collaborative Prediction and Ranking with Non-Random Missing "
        "Data. RecSys 2009; data set R3 of Yahoo Webscope",
        url="https://webscope.sandbox.yahoo.com/catalog.php?datatype=r",
        how_to_get="ask Yahoo Webscope for R3 and put its two rating files into the folder music/ "
        "of your data folder",
    ),
    loader=lambda folder, preset, seed: music.read_music(folder),
    folder=lambda: folder_of("music", music.OFFICIAL.biased),
    files=_music_files,
)
DATASETS = {
    "simulated-small": _simulated("simulated-small", "Simulated, small"),
    "simulated-coat": _simulated("simulated-coat", "Simulated, of Coat's size"),
    "simulated-music": _simulated("simulated-music", "Simulated, of Music's size"),
    "coat": COAT,
    "music": MUSIC,
}


def catalogue() -> list[DatasetInfo]:
    """Every data set, whether installed or not, in the order of `DATASETS`."""
    return [spec.info() for spec in DATASETS.values()]


def load(config: RunConfig) -> Ratings:
    """The ratings `config` speaks of. The last few are kept: do not write to their arrays.

    Raises:
        ConfigError: no data set of that name.
        DataError: it is not installed, or its files cannot be read; says what to do.
    """
    name = config.dataset
    if name.startswith(OWN_PREFIX):
        path = Path(name.removeprefix(OWN_PREFIX)).expanduser()
        return _read(name, path, (path,) if path.is_file() else (), "", 0)
    spec = spec_of(name)
    if spec.folder is None:
        return _read(name, Path(), (), config.confounding, config.data_seed)
    folder = spec.folder()
    return _read(name, folder, spec.files(folder), "", 0)


def spec_of(name: str) -> DatasetSpec:
    """The data set's spec.

    Raises:
        ConfigError: no data set of that name.
    """
    if name in DATASETS:
        return DATASETS[name]
    near = difflib.get_close_matches(name, DATASETS, n=1)
    raise ConfigError(
        "dataset",
        name,
        f"one of {', '.join(DATASETS)}, or {OWN_PREFIX}PATH for your own file",
        f"did you mean {near[0]}?" if near else "",
    )


def get(name: str, home: Path | None = None) -> Path | None:
    """Install a data set; its folder, or None where nothing needs installing.

    Raises:
        ConfigError: no data set of that name.
        DataError: it cannot be downloaded, or only its owner may give it.
    """
    about = spec_of(name).about
    if about.simulated:
        return None
    if name == "coat":
        return fetch.fetch_coat(home)
    raise DataError("dataset", name, "a data set that may be downloaded: coat", about.how_to_get)


def _read(name: str, path: Path, files: tuple[Path, ...], preset: str, data_seed: int) -> Ratings:
    """Read, or give what was read before from the same files as they are now."""
    stamps = tuple((file.stat().st_mtime_ns, file.stat().st_size) for file in files)
    return _cached(name, path.absolute(), path, stamps, preset, data_seed)


@lru_cache(maxsize=4)
def _cached(
    name: str,
    absolute: Path,
    path: Path,
    stamps: tuple[tuple[int, int], ...],
    preset: str,
    data_seed: int,
) -> Ratings:
    if name.startswith(OWN_PREFIX):
        return own.read_own(path)
    return DATASETS[name].loader(path, preset, data_seed)
