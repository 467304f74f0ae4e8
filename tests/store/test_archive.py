"""Stores of every format version stay readable: archived folders are read again for ever.

Oracle: the arrays are functions of their keys (tests/store/recipes.py).
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.store.recipes import SHAPE, keys, missing, opened, recipe, values

from senescape.store import Store, rebuild, verify
from senescape.store.experiments import FORMAT

ARCHIVE = Path(__file__).parent / "archive"
VERSIONS = sorted(ARCHIVE.iterdir())


def test_there_is_a_sample_of_every_version() -> None:
    assert [p.name for p in VERSIONS] == [f"version-{n}" for n in range(1, FORMAT + 1)]


@pytest.mark.parametrize("sample", VERSIONS, ids=lambda path: path.name)
def test_an_archived_store_is_read_continued_and_rebuilt(sample: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(sample, tmp_path / "store")
    with Store(folder) as store:
        info = store.find("archived")
        assert (info.replicates, info.acknowledged, info.digest) == (4, 4, recipe().digest)
        assert verify(store) == ()
    gone, result, told = missing(folder, 6)
    assert gone == [4, 5] and told == []
    assert result[:, :, :4].tobytes() == values(keys(4)).tobytes()
    with Store(folder, writing=True) as store, opened(store) as run:
        run.fetch(keys(6), np.empty((*SHAPE, 6)))
        run.keep(keys(2, 4), values(keys(2, 4)))
    found = rebuild(folder)
    assert (found.replicates, found.lost) == (6, 0) and missing(folder, 6)[0] == []
