"""Download Coat from its authors, check what came, and put it in place in one step.

The authors publish no checksum of the zip, so the files in it are checked instead: each must have
the SHA-256 (line ends as LF) of the files this project was tested with.
"""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from engine.datasets.coat import FEATURES
from engine.datasets.home import folder_of
from engine.errors import DataError

COAT_URL = "https://www.cs.cornell.edu/~schnabts/mnar/coat.zip"
FEATURE_FILES = {
    "user_features.ascii": "593b59c63a3f983575d3a770b32158fdfa4e2e4f63aafffdee70d1600ff072f8",
    "user_features_map.txt": "3b8c825ad4445d4a46a400629c5fb43c805ff5a7982b2e436b69e7262c8a013a",
    "item_features.ascii": "72b08cc0766d3e9899231aea90c815b5bb08e07dcfba569d5f182da649099f5a",
    "item_features_map.txt": "2675dfaa38b89a9cbb1997f0cfcd46ed7e0e366dc515d12d95508d1f356e5d25",
}
COAT_FILES = {
    "train.ascii": "f9088c6e95fa9a42e8be6a92fc77252b95b969e34ed1299c611420da68680873",
    "test.ascii": "51fa28550f5bedebc6959d0e7b5e242b173c3c8d16317c7e49b89441304504ce",
    "propensities.ascii": "a72e3142a413623c4a6b9d20c4f70fcc017e0db67cc3eb242116f69fb8fb9661",
    **{f"{FEATURES}/{name}": known for name, known in FEATURE_FILES.items()},
}
LARGEST_FILE = 64 * 2**20  # bytes; refuses a zip that would unpack without end
TIMEOUT = 60  # seconds without an answer


def fetch_coat(
    home: Path | None = None, url: str = COAT_URL, files: Mapping[str, str] = COAT_FILES
) -> Path:
    """Make sure that Coat lies in `home`/coat and return that folder; download only if it must.

    files: path within the folder -> SHA-256 of its content with line ends as LF.

    Raises:
        DataError: no connection, not a zip, other content than expected, or no place to write.
    """
    target = home / "coat" if home else folder_of("coat", "train.ascii")
    if all((target / name).is_file() for name in files):
        _check({name: (target / name).read_bytes() for name in files}, files, str(target))
        return target
    if target.exists():
        raise DataError(
            "dataset", f"coat, with {target} there but incomplete", "a complete folder or none",
            f"move {target} away and try again",
        )  # fmt: skip
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".coat-") as scratch:
            content = _unzip(_download(url, Path(scratch)), files, url)
            _check(content, files, url)
            _place(content, Path(scratch) / "coat", target)
    except OSError as error:  # requests' errors are handled in _download
        raise DataError(
            "--data", f"{target.parent} ({error.strerror or error})", "a folder to write in",
            "free space there, or choose another folder",
        ) from None  # fmt: skip
    return target


def _download(url: str, folder: Path) -> Path:
    # Imported here: whoever loads ratings need not wait for a web client.
    import pooch
    import requests

    try:
        path = pooch.retrieve(
            url,
            known_hash=None,
            fname="coat.zip",
            path=folder,
            downloader=pooch.HTTPDownloader(timeout=TIMEOUT),
        )
    except requests.exceptions.RequestException as error:
        raise DataError(
            "dataset", f"coat, but {url} gave {type(error).__name__}", "a connection to that page",
            "check the connection; or download coat.zip in a browser, unpack it, and point "
            "COUNTERWEIGHT_DATA at the folder that holds coat/",
        ) from None  # fmt: skip
    return Path(path)


def _unzip(archive: Path, files: Mapping[str, str], url: str) -> dict[str, bytes]:
    """The wanted files' bytes. No name in the zip becomes a path here, so none can lead outside."""
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            found = {}
            for name in files:
                member = next((m for m in members if f"/{m.filename}".endswith(f"/{name}")), None)
                if member is not None and member.file_size <= LARGEST_FILE:
                    found[name] = opened.read(member)
            return found
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise DataError(
            "dataset", f"coat, but {url} is no sound zip file ({error})", "the authors' coat.zip",
            "try again, or open that page in a browser",
        ) from None  # fmt: skip


def _check(content: Mapping[str, bytes], files: Mapping[str, str], source: str) -> None:
    for name, expected in files.items():
        if name not in content:
            got, allowed = f"no {name}", "a file of that name"
        elif digest(content[name]) != expected:
            got = f"{name} with SHA-256 {digest(content[name])}"
            allowed = f"SHA-256 {expected}"
        else:
            continue
        raise DataError(
            f"coat from {source}", got, allowed,
            "nothing was changed; if you trust these files, put them into a folder coat/ and point "
            "COUNTERWEIGHT_DATA at the folder that holds it",
        )  # fmt: skip


def digest(content: bytes) -> str:
    """SHA-256 of a text file's content, the same for CRLF and LF line ends."""
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()


def _place(content: Mapping[str, bytes], scratch: Path, target: Path) -> None:
    for name, data in content.items():
        path = scratch / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    scratch.rename(target)  # one step: a folder coat/ is always complete
