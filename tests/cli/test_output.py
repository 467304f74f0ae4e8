"""Files of results are whole or not there, and nothing that is no file is replaced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from senescape.cli.output import check_output, whole, write_text
from senescape.errors import SenescapeError


def test_a_file_is_on_disk_before_it_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, replace = os.fsync, os.replace

    def synced(handle: int) -> None:
        done.append("sync")
        sync(handle)

    def replaced(old: str, new: str) -> None:
        done.append("replace")
        replace(old, new)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    write_text(tmp_path / "x.txt", "new")
    assert done == ["sync", "replace"] and (tmp_path / "x.txt").read_text() == "new"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_fails_half_way_leaves_the_old_file(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old")

    def fail(_: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises((SenescapeError, KeyboardInterrupt)):
        write_text(path, "new")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["x.txt"]


def test_a_link_is_followed_and_permissions_are_kept(tmp_path: Path) -> None:
    path, link, ahead = tmp_path / "x.txt", tmp_path / "link", tmp_path / "ahead"
    path.write_text("old")
    path.chmod(0o600)
    link.symlink_to(path)
    write_text(link, "new")
    assert link.is_symlink() and path.read_text() == "new" and path.stat().st_mode & 0o777 == 0o600
    ahead.symlink_to(tmp_path / "later")
    write_text(ahead, "later")
    assert (tmp_path / "later").read_text() == "later"
    assert (tmp_path / "later").stat().st_mode & 0o777 == 0o644


def test_a_device_is_written_to_and_never_replaced() -> None:
    write_text(Path("/dev/null"), "text")
    assert Path("/dev/null").is_char_device()
    with pytest.raises(SenescapeError, match="no file"), whole(Path("/dev/null")):
        pass


def test_a_pipe_without_a_reader_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SenescapeError) as caught:
        write_text(tmp_path / "pipe", "text")
    assert caught.value.check == "output.unwritable"


def test_a_pipe_with_a_reader_gets_the_text(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_text(tmp_path / "pipe", "text")
        assert os.read(reader, 9) == b"text"
    finally:
        os.close(reader)


def test_a_link_to_itself_is_no_place_to_write(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(SenescapeError, match="links"):
        check_output(tmp_path / "loop")
