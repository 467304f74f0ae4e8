"""An error keeps what it says, wherever it travels."""

from __future__ import annotations

import pickle

import pytest

from senescape import errors
from senescape.errors import SenescapeError, Where

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, SenescapeError)
]


@pytest.mark.parametrize("kind", KINDS, ids=[k.__name__ for k in KINDS])
def test_an_error_survives_the_way_out_of_a_process(kind: type[SenescapeError]) -> None:
    error = kind(
        "3 wells", allowed="1", remedy="use one", check="run.wells", where=Where("a.yaml", 3, "x")
    )
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes
    assert type(again) is kind and str(again) == str(error) and again.check == "run.wells"
