"""Downloading Coat: from a server on this machine, with made-up files and their own digests."""

import io
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engine.datasets import get
from engine.datasets.fetch import COAT_FILES, digest, fetch_coat
from engine.errors import ConfigError, DataError

CONTENT = {"train.ascii": b"1 0\r\n0 2\r\n", "user_item_features/map.txt": b"a\nb"}
FILES = {name: digest(data) for name, data in CONTENT.items()}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server(tmp_path):
    """A folder, and the address it is served under."""
    folder = tmp_path / "served"
    folder.mkdir()
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{httpd.server_port}/coat.zip"
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def left_over(home: Path) -> list[str]:
    return sorted(path.name for path in home.iterdir()) if home.exists() else []


@pytest.mark.parametrize("top", ["coat/", ""])
def test_it_downloads_checks_and_puts_in_place(server, tmp_path, top):
    folder, url = server
    extra = {"__MACOSX/coat/._train.ascii": b"junk", "coat/README.txt": b"hello"}
    members = {top + name: data for name, data in CONTENT.items()}
    (folder / "coat.zip").write_bytes(zipped(extra | members))
    home = tmp_path / "new" / "data"
    assert fetch_coat(home, url, FILES) == home / "coat"
    for name, data in CONTENT.items():
        assert (home / "coat" / name).read_bytes() == data
    assert left_over(home) == ["coat"]
    (folder / "coat.zip").unlink()
    assert fetch_coat(home, url, FILES) == home / "coat"  # there already: no second download


def test_other_content_is_refused_and_nothing_changes(server, tmp_path):
    folder, url = server
    members = {f"coat/{name}": data + b" " for name, data in CONTENT.items()}
    (folder / "coat.zip").write_bytes(zipped(members))
    home = tmp_path / "data"
    with pytest.raises(DataError, match=r"train\.ascii with SHA-256") as caught:
        fetch_coat(home, url, FILES)
    assert FILES["train.ascii"] in caught.value.allowed
    assert "COUNTERWEIGHT_DATA" in caught.value.fix
    assert left_over(home) == []


def test_a_name_that_leads_outside_writes_nothing_outside(server, tmp_path):
    folder, url = server
    members = {f"../../{name}": data for name, data in CONTENT.items()}
    (folder / "coat.zip").write_bytes(zipped(members | {"/../evil.txt": b"evil"}))
    home = tmp_path / "a" / "b"
    fetch_coat(home, url, FILES)
    assert left_over(home) == ["coat"]
    assert left_over(tmp_path) == ["a", "served"]
    assert left_over(tmp_path / "a") == ["b"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>moved</html>", "is no sound zip file"),
        (zipped({"coat/readme": b""}), r"got 'no train\.ascii'"),
        (zipped({f"coat/{name}": data for name, data in CONTENT.items()})[:-40], "no sound zip"),
    ],
    ids=["page", "other zip", "cut off"],
)
def test_what_is_not_the_zip_is_refused(server, tmp_path, body, message):
    folder, url = server
    (folder / "coat.zip").write_bytes(body)
    with pytest.raises(DataError, match=message):
        fetch_coat(tmp_path / "data", url, FILES)
    assert left_over(tmp_path / "data") == []


def test_a_missing_page_and_no_connection_say_how_to_go_on(server, tmp_path):
    _, url = server
    for address in (url, "http://127.0.0.1:9/coat.zip"):
        with pytest.raises(DataError, match=r"download coat\.zip in a browser"):
            fetch_coat(tmp_path / "data", address, FILES)


def test_a_folder_half_filled_is_left_alone(tmp_path):
    (tmp_path / "coat").mkdir()
    (tmp_path / "coat" / "train.ascii").write_bytes(b"mine")
    with pytest.raises(DataError, match="there but incomplete"):
        fetch_coat(tmp_path, "http://127.0.0.1:9/coat.zip", FILES)
    assert (tmp_path / "coat" / "train.ascii").read_bytes() == b"mine"


def test_a_place_that_cannot_be_written_is_named(server, tmp_path):
    _, url = server
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataError, match="a folder to write in"):
        fetch_coat(tmp_path / "file", url, FILES)


def test_the_known_digests_are_those_of_the_real_files(coat):
    folder = fetch_coat()  # installed, or the fixture would have skipped; so this only checks
    assert {name for name in COAT_FILES if (folder / name).is_file()} == set(COAT_FILES)


def test_get_says_what_can_be_got():
    assert get("simulated-small") is None
    with pytest.raises(DataError, match="ask Yahoo Webscope"):
        get("music")
    with pytest.raises(ConfigError, match="did you mean coat"):
        get("coats")
