"""Tables of readings: what is written comes back, real tables are read, bad ones are refused."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senescape.errors import SenescapeError
from senescape.files import observed_text, parse_observed, read_observed
from senescape.results import Observed, Reading, Status

SHARED = Path(os.environ.get("SENESCAPE_SHARED", "../shared")) / "data"
HEAD = "assay,regimen,subject,time [h],value,unit,scored,status\n"
ROW = "beta_gal,100nM,1,48,17,%,300,seen\n"

words = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12
)
readings = st.builds(
    Reading,
    words,
    words,
    words,
    st.floats(-1e3, 1e4),
    st.floats(0.0, 1.0),
    st.just("1"),
    st.integers(1, 10**6),
    st.sampled_from(Status),
)


@given(st.lists(readings, min_size=1, max_size=8, unique_by=lambda r: r[:4]))
def test_what_is_written_comes_back(rows: list[Reading]) -> None:
    table = Observed(tuple(rows), "here")
    assert parse_observed(observed_text(table), "here") == table


def test_percent_and_hours_are_read_in_canonical_form() -> None:
    (row,) = parse_observed(HEAD + ROW).readings
    assert row == Reading("beta_gal", "100nM", "1", 2.0, 0.17, "1", 300, Status.SEEN)


def test_a_minimal_table_with_a_byte_order_mark_and_empty_lines(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text(
        "\ufeffassay,regimen,subject,time [day],value,unit\n\nlive,a,1,1,200,cells\n\n", "utf-8"
    )
    assert read_observed(file).readings[0].value == 200.0


# name: (text, check, line)
BAD: dict[str, tuple[str, str, int | None]] = {
    "missing column": (HEAD.replace("unit,", "") + ROW, "table.columns", 1),
    "no time": (HEAD.replace("time [h]", "day") + ROW, "table.columns", 1),
    "two times": (HEAD.replace("scored", "time [day]") + ROW, "table.columns", 1),
    "unknown column": (HEAD.replace("scored", "scord") + ROW, "table.columns", 1),
    "column twice": (HEAD.replace("scored", "status") + ROW, "table.columns", 1),
    "time in cells": (HEAD.replace("[h]", "[cells]") + ROW, "table.time", 1),
    "unknown unit of time": (HEAD.replace("[h]", "[hrrs]") + ROW, "quantity.unit-unknown", 1),
    "decimal comma": (HEAD + ROW.replace(",17,", ',"17,5",'), "table.number", 2),
    "decimal comma without quotes": (HEAD + ROW.replace(",17,", ",17,5,"), "table.ragged", 2),
    "percentage over 100": (HEAD + ROW.replace(",17,", ",117,"), "table.range", 2),
    "share over 1": (HEAD + ROW.replace(",17,%,", ",1.7,1,"), "table.range", 2),
    "negative count": (HEAD + "live,a,1,1,-3,cells,,\n", "table.range", 2),
    "not a number": (HEAD + ROW.replace(",17,", ",n.d.,"), "table.number", 2),
    "empty value": (HEAD + ROW.replace(",17,", ",,"), "table.number", 2),
    "nan": (HEAD + ROW.replace(",17,", ",nan,"), "table.number", 2),
    "infinite": (HEAD + ROW.replace(",48,", ",inf,"), "table.number", 2),
    "underscore": (HEAD + ROW.replace(",17,", ",1_7,"), "table.number", 2),
    "unknown unit": (HEAD + "live,a,1,1,3,cels,,\n", "quantity.unit-unknown", 2),
    "half a cell scored": (HEAD + ROW.replace("300", "300.5"), "table.scored", 2),
    "none scored": (HEAD + ROW.replace("300", "0"), "table.scored", 2),
    "unknown status": (HEAD + ROW.replace("seen", "sen"), "table.status", 2),
    "reading twice": (HEAD + ROW + "\n" + ROW, "table.duplicate", 4),
    "no subject": (HEAD + ROW.replace(",1,48", ",,48"), "table.name", 2),
    "header only": (HEAD, "table.empty", None),
    "nothing": ("", "table.columns", 1),
    "zero byte": (HEAD + "a\0b", "table.encoding", None),
    "endless field": (HEAD + '"' + "x" * 140_000, "table.csv", None),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_table_is_refused_at_its_line(name: str) -> None:
    text, check, line = BAD[name]
    with pytest.raises(SenescapeError) as error:
        parse_observed(text, "table.csv")
    assert error.value.check == check
    if line is not None:
        assert error.value.where.line == line
    assert "\n" not in str(error.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    latin = tmp_path / "latin.csv"
    latin.write_bytes(HEAD.encode() + b"\xe4,a,1,1,1,cells,,\n")
    huge = tmp_path / "huge.csv"
    with huge.open("wb") as file:
        file.truncate(60_000_000)
    for path, check in (
        (tmp_path / "none.csv", "table.unreadable"),
        (tmp_path, "table.unreadable"),
        (latin, "table.encoding"),
        (huge, "table.size"),
    ):
        with pytest.raises(SenescapeError) as error:
            read_observed(path)
        assert error.value.check == check


@pytest.mark.skipif(not SHARED.exists(), reason="the folder of measured data is absent")
def test_a_real_table_of_stained_wells_gives_its_published_rates() -> None:
    """FAST.R wells: about 17 % of proliferating and 79 % of irradiated cells stain."""
    with (SHARED / "irradiated_sabgal_edu_wells.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows
    text = HEAD
    for row in rows:
        share = int(row["counts_SABGal_positive"]) / int(row["cell_counts"])
        name = f"beta_gal,{row['Condition']} {row['Serum']},{row['well']}"
        text += f"{name},0,{100 * share},%,{row['cell_counts']},\n"
    table = parse_observed(text)
    means = {g.regimen: g.mean for g in table.groups()}
    assert means["CTL FS"] == pytest.approx(0.17, abs=0.03)
    assert means["IR FS"] == pytest.approx(0.79, abs=0.03)
