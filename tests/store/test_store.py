"""The store: what is kept comes back by bytes; what is damaged is found; nothing starts anew in silence.

Oracle: arrays that are functions of their key alone, and damage planted with a hex editor's means.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.store.recipes import SHAPE, filled, keys, missing, opened, recipe, values

from senescape.errors import SenescapeError
from senescape.store import Damage, Store, compared, rebuild, verify
from senescape.store.database import NAME, Database, Key, row_digest
from senescape.store.experiments import MANIFEST, MARKER, RUNS
from senescape.store.lock import Lock, boot_id
from senescape.store.places import NETWORKS, check_local, write_whole

DIGEST = recipe().digest
LARGE = (512, 300)  # above a mebibyte: shards


def refused(folder: Path, check: str, **options: Any) -> str:
    with pytest.raises(SenescapeError) as caught:
        Store(folder, **options)
    assert caught.value.check == check, caught.value
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("shape", [SHAPE, LARGE], ids=["rows", "shards"])
def test_what_is_kept_comes_back_by_bytes(tmp_path: Path, shape: tuple[int, int]) -> None:
    count = 20 if shape == SHAPE else 3
    folder = filled(tmp_path / "store", count, shape)
    gone, result, told = missing(folder, count + 2, shape)
    assert gone == [count, count + 1] and told == []
    assert result[:, :, :count].tobytes() == values(keys(count), shape).tobytes()
    shards = list(folder.rglob("*.npy"))
    assert len(shards) == (0 if shape == SHAPE else count)
    with Store(folder) as store:
        assert verify(store) == ()


def test_a_row_is_as_the_page_says(tmp_path: Path) -> None:
    """Oracle: sqlite3 and the definition in docs/store.md."""
    folder = filled(tmp_path / "store", 3)
    connection = sqlite3.connect(folder / NAME)
    rows = connection.execute("SELECT run, host, value, sha256 FROM replicate").fetchall()
    mode = connection.execute("PRAGMA journal_mode").fetchone()
    connection.close()
    assert mode == ("wal",) and len(rows) == 3
    for run, host, value, sha in rows:
        assert bytes(run).hex() == DIGEST
        expected = values([Key(0, host, "", 0)])[:, :, 0].astype("<f8").tobytes()
        assert value == expected
        assert sha == row_digest(DIGEST, Key(0, host, "", 0), expected)


def test_keeping_twice_is_keeping_once(tmp_path: Path) -> None:
    folder = filled(tmp_path / "store", 5)
    with Store(folder, writing=True) as store, opened(store) as run:
        run.keep(keys(8), values(keys(8)))
        assert run.added == 3
        (info,) = store.runs()
    assert (info.replicates, info.acknowledged) == (8, 8)


def test_a_stop_right_behind_the_begin_of_a_transaction_is_survived(tmp_path: Path) -> None:
    """SIGTERM was answered with status 2 in one of 21 injections: a transaction stood open."""
    with Store(tmp_path / "store", writing=True) as store, opened(store) as kept:
        store.database._connection.execute("BEGIN IMMEDIATE")
        kept.keep(keys(3), values(keys(3)))
        assert not store.database._connection.in_transaction
        assert store.database.count(kept.digest) == 3
    assert missing(tmp_path / "store", 3)[0] == []


def test_the_manifest_tells_where_it_comes_from(tmp_path: Path) -> None:
    folder = filled(tmp_path / "store", 1)
    manifest = json.loads((folder / RUNS / DIGEST / MANIFEST).read_text(encoding="utf-8"))
    assert manifest["run"] == DIGEST and manifest["scenario"] == {"name": "mine"}
    provenance = manifest["provenance"]
    assert provenance["seed"] == 1 and provenance["machine"]["boot_id"] == boot_id()
    assert {"command", "packages", "senescape", "created", "python"} <= set(provenance)


# --- damage


def flip(path: Path, what: bytes, at: int = 0) -> None:
    """Flip one bit of the first place where ``what`` stands in a file."""
    data = bytearray(path.read_bytes())
    place = data.index(what) + at
    data[place] ^= 0x10
    path.write_bytes(bytes(data))


def test_a_flipped_bit_is_found_and_only_that_replicate_is_done_again(tmp_path: Path) -> None:
    folder = filled(tmp_path / "store")
    flip(folder / NAME, values(keys(1, 7)).tobytes()[16:40])
    with Store(folder) as store:
        assert verify(store) == (
            Damage(DIGEST, "draw 0, host 7, replicate 0 is not what was written"),
        )
    gone, _, told = missing(folder)
    assert gone == [7] and "1 replicates" in told[0] and DIGEST[:12] in told[0]
    with Store(folder, writing=True, tell=told.append) as store, opened(store) as run:
        run.fetch(keys(20), np.empty((*SHAPE, 20)))
        run.keep(keys(1, 7), values(keys(1, 7)))
    assert missing(folder)[0] == []
    with Store(folder) as store:
        assert verify(store) == ()


def test_a_flipped_bit_in_a_shard_is_found(tmp_path: Path) -> None:
    folder = filled(tmp_path / "store", 3, LARGE)
    (shard,) = folder.rglob("d0.h1.*.npy")
    flip(shard, values(keys(1, 1), LARGE).tobytes()[:32])
    assert missing(folder, 3, LARGE)[0] == [1]
    with Store(folder) as store:
        (found,) = verify(store)
    assert found.what.endswith(f"(file {shard.name})")
    shard.unlink()
    assert missing(folder, 3, LARGE)[0] == [1]
    assert rebuild(folder).replicates == 2


@pytest.mark.parametrize("size", [0, 50, 5000])
def test_a_truncated_database_is_refused_and_rebuilt(tmp_path: Path, size: int) -> None:
    folder = filled(tmp_path / "store")
    os.truncate(folder / NAME, size)
    for writing in (False, True):
        assert "rebuild" in refused(folder, "store.damaged", writing=writing)
    result = rebuild(folder)
    assert result.runs == 1 and result.replicates + result.lost == 20
    assert result.aside == ("index.damaged-1.sqlite",)
    gone, found, told = missing(folder)
    assert len(gone) == result.lost and told == []
    whole = [host for host in range(20) if host not in gone]
    assert found[:, :, whole].tobytes() == values(keys(20))[:, :, whole].tobytes()


def test_a_page_of_rubbish_costs_only_its_rows(tmp_path: Path) -> None:
    """Replicates over some 20 pages; the page in the middle of the table is overwritten."""
    folder = filled(tmp_path / "store", 400)
    data = bytearray((folder / NAME).read_bytes())
    place = data.index(values(keys(1, 200)).tobytes()) // 4096 * 4096
    data[place : place + 4096] = b"\xff" * 4096
    (folder / NAME).write_bytes(bytes(data))
    with Store(folder) as store:
        assert store.database.problems() != ()
    result = rebuild(folder)
    assert 300 < result.replicates < 400 and result.lost == 400 - result.replicates
    assert len(missing(folder, 400)[0]) == result.lost


def test_a_database_that_is_gone_is_no_new_start(tmp_path: Path) -> None:
    folder = filled(tmp_path / "store", 3, LARGE)
    (folder / NAME).unlink()
    assert "it is missing" in refused(folder, "store.damaged", writing=True)
    result = rebuild(folder)  # shards are enough
    assert (result.replicates, result.lost) == (3, 0)
    assert missing(folder, 3, LARGE)[0] == []


def test_a_marker_that_is_gone_is_no_new_start(tmp_path: Path) -> None:
    folder = filled(tmp_path / "store")
    (folder / MARKER).unlink()
    assert "there are runs" in refused(folder, "store.damaged", writing=True)
    refused(folder, "store.none")
    rebuild(folder)
    assert missing(folder)[0] == []


def test_a_start_that_was_killed_is_begun_again(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / NAME).write_bytes(b"half")
    (folder / RUNS).mkdir()
    assert missing(filled(folder))[0] == []


def test_a_deleted_log_is_told_and_computed_again(tmp_path: Path) -> None:
    """Oracle: a process that keeps 6 replicates, folds the log in, keeps 14 more and is killed."""
    folder = tmp_path / "store"
    script = (
        "import os, sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path\n"
        "from tests.store.recipes import filled, keys, opened, values\n"
        "from senescape.store import Store\n"
        "folder = filled(Path(sys.argv[1]), 6)\n"
        "store = Store(folder, writing=True)\n"
        "run = opened(store).__enter__()\n"
        "run.keep(keys(14, 6), values(keys(14, 6)))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    root = Path(__file__).resolve().parents[2]
    ran = subprocess.run([sys.executable, "-c", script, str(folder), str(root)], check=False)
    assert ran.returncode == -9
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert missing(copy)[0] == []  # acknowledged, so not lost
    (folder / f"{NAME}-wal").unlink()
    (folder / f"{NAME}-shm").unlink(missing_ok=True)
    with Store(folder) as store:
        assert verify(store) == (Damage(DIGEST, "14 of 20 acknowledged replicates are gone"),)
    gone, _, told = missing(folder)
    assert gone == list(range(6, 20)) and "14 acknowledged replicates" in told[0]


def test_a_damaged_manifest_is_found_and_written_again(tmp_path: Path) -> None:
    folder = filled(tmp_path / "store")
    flip(folder / RUNS / DIGEST / MANIFEST, b'"growth"', 2)
    with Store(folder) as store:
        assert verify(store) == (Damage(DIGEST, "its manifest is not what was written"),)
    assert "manifest" in missing(folder)[2][0]
    with Store(folder) as store:
        assert verify(store) == ()
    shutil.rmtree(folder / RUNS / DIGEST)
    with Store(folder) as store:
        assert verify(store) == (Damage(DIGEST, "its folder has no manifest"),)


# --- refusals


def test_a_run_is_computed_by_one_process_at_a_time(tmp_path: Path) -> None:
    folder = filled(tmp_path / "store")
    with Store(folder, writing=True) as one, opened(one), Store(folder, writing=True) as two:
        with pytest.raises(
            SenescapeError, match=f"run {DIGEST[:12]} is in use by process"
        ) as caught:
            opened(two).__enter__()
        assert caught.value.check == "store.locked"
        with opened(two, recipe(seed=2)) as other:  # another run is nobody's matter
            other.keep(keys(1), values(keys(1)))
        with pytest.raises(SenescapeError, match="the store .* is in use"):
            rebuild(folder)
    assert missing(folder)[0] == []


def test_a_lock_of_another_boot_says_so(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with Lock(path, "it"):
        assert json.loads(path.read_text(encoding="utf-8")) == {
            "pid": os.getpid(),
            "boot_id": boot_id(),
        }
        for text, said in (
            ('{"pid": 7, "boot_id": "x"}', "process 7 of another"),
            ("?", "another process"),
        ):
            path.write_text(text, encoding="utf-8")
            with pytest.raises(SenescapeError, match=said), Lock(path, "it"):
                pass
    with Lock(path, "it"):  # what a dead process has written binds nobody
        pass


def test_a_name_stands_for_one_recipe(tmp_path: Path) -> None:
    with Store(filled(tmp_path / "store"), writing=True) as store:
        store.bind("first", recipe())
        store.bind("first", recipe())
        other = recipe(parameters={"growth": {"value": "0.8 1/day"}})
        with pytest.raises(SenescapeError) as caught:
            store.bind("first", other)
        text = "scenario.parameters.growth.value: 0.7 1/day -> 0.8 1/day"
        assert text in str(caught.value) and caught.value.check == "store.changed"
        with pytest.raises(SenescapeError, match="a letter, then"):
            store.bind("../first", recipe())
        (info,) = store.runs()
        assert info.names == ("first",) and store.find("first") == info == store.find(DIGEST[:6])
        with pytest.raises(SenescapeError, match="did you mean first"):
            store.find("furst")
        assert store.remove(info) == 20 and store.runs() == () and store.names() == ()
        assert not (store.folder / RUNS / DIGEST).exists()
        store.bind("first", other)


def test_a_network_is_refused(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/a / ext4 rw 0 0\nserver:/x /mnt/far\\040away nfs4 rw 0 0\nme /mnt/ssh fuse.sshfs rw 0 0\n",
        encoding="utf-8",
    )
    for folder in ("/mnt/far away/store", "/mnt/ssh/store"):
        with pytest.raises(SenescapeError, match="network file system") as caught:
            check_local(Path(folder), mounts)
        assert caught.value.check == "store.network"
    check_local(Path("/mnt/far"), mounts)
    check_local(tmp_path, tmp_path / "none")
    assert "nfs" in NETWORKS
    mounts.write_text(f"/dev/a {tmp_path} cifs rw 0 0\n", encoding="utf-8")
    refused(tmp_path / "store", "store.network", writing=True, mounts=mounts)
    assert not (tmp_path / "store").exists()


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x", encoding="utf-8")
    assert "thesis.tex" in refused(tmp_path, "store.not-empty", writing=True)
    refused(tmp_path, "store.none")
    (tmp_path / MARKER).write_text('{"format": 9}', encoding="utf-8")
    refused(tmp_path, "store.version", writing=True)
    (tmp_path / MARKER).write_text("?", encoding="utf-8")
    refused(tmp_path, "store.damaged")
    refused(tmp_path / "thesis.tex", "store.unwritable", writing=True)


def test_another_program_s_database_is_refused(tmp_path: Path) -> None:
    folder = filled(tmp_path / "store")
    connection = sqlite3.connect(folder / NAME)
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    refused(folder, "store.version")
    (folder / NAME).unlink()
    connection = sqlite3.connect(folder / NAME)
    connection.execute("CREATE TABLE x (y)")
    connection.commit()
    connection.close()
    assert "no database of senescape" in refused(folder, "store.damaged")


def test_a_full_disk_keeps_what_was_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: SQLite's own refusal, with the number of pages held down."""
    folder = filled(tmp_path / "store")
    some = keys(2000, 20)
    with Store(folder, writing=True) as store, opened(store) as run:
        store.database._connection.execute("PRAGMA max_page_count = 12")
        with pytest.raises(SenescapeError, match="full") as caught:
            run.keep(some, values(some))
        assert caught.value.check == "store.unwritable"
        assert "Traceback" not in str(caught.value)
    assert missing(folder)[0] == []

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with Store(folder, writing=True) as store, opened(store, recipe(3), LARGE) as run:
        monkeypatch.setattr(os, "replace", full)
        with pytest.raises(SenescapeError, match="No space left"):
            run.keep(keys(1), values(keys(1), LARGE))
        monkeypatch.undo()
    assert not list(folder.rglob(".writing.*")) and not list(folder.rglob("*.npy"))


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    write_whole(tmp_path / "x", b"one")
    text: Any = "two"  # what a caller without type checks may give
    with pytest.raises(TypeError):
        write_whole(tmp_path / "x", text)
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_bytes() == b"one"


def test_two_runs_are_compared(tmp_path: Path) -> None:
    folder = filled(tmp_path / "store", 5)
    with Store(folder, writing=True) as store:
        with opened(store, recipe(2)) as run:
            other = values(keys(7, 2))
            other[0, 0, 1] += 0.5  # host 3
            run.keep(keys(7, 2), other)
        one, two = store.runs()
        found = compared(store, one, two)
    assert found["recipe"] == ["seed: 1 -> 2"]
    assert (found["common"], found["equal"]) == (3, 2)
    assert found["largest"] == pytest.approx(0.5, rel=1e-12)


def test_reading_changes_nothing(tmp_path: Path) -> None:
    folder = filled(tmp_path / "store")
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    with Store(folder) as store:
        store.runs()
        assert verify(store) == ()
        with pytest.raises(SenescapeError, match="readonly"):
            store.database.insert(DIGEST, [], replace=False) or store.database.remove(DIGEST)
    after = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and p in before}
    assert after == before


def test_a_database_opens_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel lets root write anywhere: SQLite's refusal to open is planted."""
    folder = filled(tmp_path / "store")
    connect = sqlite3.connect

    def picky(place: str, **options: Any) -> sqlite3.Connection:
        if "immutable" not in str(place):
            raise sqlite3.OperationalError("unable to open database file")
        opened: sqlite3.Connection = connect(place, **options)
        return opened

    monkeypatch.setattr(sqlite3, "connect", picky)
    database = Database(folder / NAME, writing=False)
    assert database.count(DIGEST) == 20
    database.close()
    with pytest.raises(SenescapeError, match="unable to open"):
        Database(folder / NAME, writing=True)
