"""Tables of readings: what is written comes back, real tables are read, bad ones are refused."""

from __future__ import annotations

import contextlib
import csv
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.stopwatch import without_tracer

from senescape.errors import SenescapeError
from senescape.files import observed_text, parse_observed, read_observed
from senescape.results import Observed, Reading, Status

SHARED = Path(os.environ.get("SENESCAPE_SHARED", "../shared")) / "data"
HEAD = "assay,regimen,subject,time [h],value,unit,scored,status\n"
ROW = "beta_gal,100nM,1,48,17,%,300,seen\n"

words = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12
)
seen = st.builds(
    Reading,
    words,
    words,
    words,
    st.floats(-1e3, 1e4),
    st.floats(0.0, 1.0),
    st.just("1"),
    st.integers(1, 10**6),
    st.sampled_from([Status.SEEN, Status.BELOW]),
)
# Names that end in a mark of their own: an assay is survival in all of its rows, or in none.
lived = st.builds(
    Reading,
    words.map("{}+".format),
    words,
    words,
    st.floats(-1e3, 1e4),
    st.floats(0.0, 1e4),
    st.just("day"),
    st.just(0),
    st.sampled_from([Status.DIED, Status.CENSORED]),
)
readings = st.one_of(seen.filter(lambda r: not r.assay.endswith("+")), lived)


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
    # what spreadsheets of other countries write
    "semicolons": ((HEAD + ROW).replace(",", ";"), "table.separator", 1),
    "semicolons and decimal commas": (
        HEAD.replace(",", ";") + ROW.replace(",", ";").replace("17", "17,5"),
        "table.separator",
        1,
    ),
    "tabs": ((HEAD + ROW).replace(",", "\t"), "table.separator", 1),
    "bars": ((HEAD + ROW).replace(",", "|"), "table.separator", 1),
    "semicolons below a header with commas": (HEAD + ROW.replace(",", ";"), "table.ragged", 2),
    "thousands apart by a comma": (
        HEAD + 'live,a,1,1,"1,000",cells,,\n',
        "table.number",
        2,
    ),
    # shapes
    "short row": (HEAD + "beta_gal,100nM,1,48,17\n", "table.ragged", 2),
    "no header": (ROW + ROW, "table.columns", 1),
    "rows of commas alone": (HEAD + "\n,,,,,,,\n", "table.empty", None),
    "bracket of the time left open": (HEAD.replace("[h]", "[h"), "table.columns", 1),
    "unbalanced quote": (HEAD + '"beta_gal,100nM,1,48,17,%,300,\n', "table.csv", 2),
    "text behind a quote": (HEAD + ROW.replace(",17,", ',"17"5,'), "table.csv", 2),
    "line break in a name": (HEAD + ROW.replace("100nM", '"100\nnM"'), "table.name", 3),
    "bell in a name": (HEAD + ROW.replace("100nM", "100\x07nM"), "table.name", 2),
    # numbers
    "percent sign in the value": (HEAD + ROW.replace(",17,", ",17%,"), "table.number", 2),
    "limit of detection in the value": (HEAD + ROW.replace(",17,", ",<5,"), "table.number", 2),
    "hexadecimal": (HEAD + ROW.replace(",17,", ",0x11,"), "table.number", 2),
    "digits of another script": (HEAD + ROW.replace(",17,", ",\u0661\u0667,"), "table.number", 2),
    "infinite value": (HEAD + "live,a,1,1,1e999,cells,,\n", "table.number", 2),
    "negative share": (HEAD + ROW.replace(",17,", ",-3,"), "table.range", 2),
    "scored is nan": (HEAD + ROW.replace("300", "nan"), "table.number", 2),
    "scored below zero": (HEAD + ROW.replace("300", "-300"), "table.scored", 2),
    "time beyond reason": (HEAD + ROW.replace(",48,", ",1e9,"), "table.time", 2),
    "time that overflows": (
        (HEAD + ROW.replace(",48,", ",1e308,")).replace("[h]", "[week]"),
        "table.time",
        2,
    ),
    "the same time written twice in two ways": (
        HEAD + ROW + ROW.replace(",48,", ",4.8e1,"),
        "table.duplicate",
        3,
    ),
    # one assay, one kind
    "cells and volumes of one assay": (
        HEAD + "live,a,1,1,3,cells,,\nlive,a,2,1,3,mm^3,,\n",
        "table.mixed-units",
        3,
    ),
    "cells and thousands of cells of one assay": (
        HEAD + "size,a,1,1,3,mm^3,,\nsize,a,2,1,3,cm^3,,\n",
        "table.mixed-units",
        3,
    ),
    "percent and cells of one assay": (
        HEAD + ROW + "beta_gal,b,1,48,17,cells,,\n",
        "table.mixed-units",
        3,
    ),
    "died of a share": (HEAD + ROW.replace("seen", "died"), "table.status", 2),
    "died with a number of cells": (HEAD + "mice,a,1,9,9,cells,,died\n", "table.status", 2),
    "censored without a unit": (HEAD + "mice,a,1,9,9,,,censored\n", "table.status", 2),
    "died before the first treatment": (HEAD + "mice,a,1,9,-1,day,,died\n", "table.range", 2),
    "survival that is also read": (
        HEAD + "mice,a,1,9,9,day,,died\nmice,a,2,9,9,day,,seen\n",
        "table.mixed-status",
        3,
    ),
    "reading that is also survival": (
        HEAD + "mice,a,1,9,9,day,,\nmice,a,2,9,9,day,,censored\n",
        "table.mixed-status",
        3,
    ),
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


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(60_000_000)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _loop(path: Path) -> None:
    path.symlink_to(path)


# name: (how the file is made, check, a word of the message)
BAD_FILES: dict[str, tuple[Callable[[Path], object] | None, str, str]] = {
    "missing": (None, "table.missing", "no such file"),
    "folder": (Path.mkdir, "table.folder", "folder"),
    "empty": (Path.touch, "table.columns", "header"),
    "huge": (_huge, "table.too-long", "60000000 bytes"),
    "pipe": (_pipe, "table.unreadable", "pipe"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "table.unreadable", "device"),
    "link to itself": (_loop, "table.unreadable", "links"),
    "link to nothing": (lambda path: path.symlink_to("nowhere"), "table.missing", "no such"),
    "latin letters": (
        lambda path: path.write_bytes(HEAD.encode() + b"\xe4,a,1,1,1,cells,,\n"),
        "table.encoding",
        "line 2",
    ),
    "UTF-16 of a spreadsheet": (
        lambda path: path.write_bytes((HEAD + ROW).encode("utf-16")),
        "table.encoding",
        "UTF-16",
    ),
    "UTF-16 without a mark": (
        lambda path: path.write_bytes((HEAD + ROW).encode("utf-16-le")),
        "table.encoding",
        "zero byte",
    ),
    "workbook": (
        lambda path: path.write_bytes(b"PK\x03\x04\x14\x00\x06\x00\x08\x00!\x00\xff\xfe"),
        "table.encoding",
        "UTF-8",
    ),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_cannot_be_read_is_refused(name: str, tmp_path: Path) -> None:
    make, check, word = BAD_FILES[name]
    path = tmp_path / "table.csv"
    if make is not None:
        make(path)
    began = time.process_time()
    with pytest.raises(SenescapeError) as error:
        read_observed(path)
    took = time.process_time() - began
    assert took < 1.0 or without_tracer(lambda: read_observed(path)) < 1.0
    assert error.value.check == check and error.value.where.file == str(path)
    assert word in str(error.value) and "\n" not in str(error.value)


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Without the rights of root, who may read and write every file."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(HEAD + ROW)
    path.chmod(0)
    with as_nobody(), pytest.raises(SenescapeError, match="ermission"):
        read_observed(path)


def test_a_zero_byte_in_the_path_is_refused() -> None:
    with pytest.raises(SenescapeError, match="zero byte"):
        read_observed("table\0.csv")


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_endings_marks_and_names_of_files_do_not_matter(
    ending: str, mark: str, tmp_path: Path
) -> None:
    path = tmp_path / "table.txt"
    path.write_bytes((mark + (HEAD + ROW).replace("\n", ending)).encode())
    assert read_observed(path).readings == parse_observed(HEAD + ROW).readings


def test_survival_is_kept_in_days() -> None:
    (row,) = parse_observed(HEAD + "mice,a,1,48,48,h,,died\n").readings
    assert (row.value, row.unit, row.status) == (2.0, "day", Status.DIED)


CELLS = st.sampled_from(
    ["assay", "regimen", "subject", "time [h]", "time [", "value", "unit", "scored", "status", ""]
    + ["17", "-1", "nan", "1e999", "1_0", '"', '"a"b', "1,5", "%", "cells", "cell^x", "1/0", "day"]
    + ["died", "below", "\x07", "\ufeff", "\ud7ff", "9" * 400, "<5", "^" * 50, "(" * 500]
)
LINES = st.lists(st.lists(CELLS, max_size=9).map(",".join), max_size=5).map("\n".join)
ROWS = st.lists(CELLS, min_size=8, max_size=8).map(",".join).map(lambda row: HEAD + row)


@given(st.one_of(LINES, ROWS, st.text(max_size=60), st.text(max_size=60).map(HEAD.__add__)))
@settings(max_examples=300)
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        table = parse_observed(text)
    except SenescapeError as error:
        assert "\n" not in str(error) and error.check
    else:
        assert parse_observed(observed_text(table)).readings == table.readings


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_break_the_reader(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, headed: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_bytes(HEAD.encode() + data if headed else data)
    with contextlib.suppress(SenescapeError):
        read_observed(path)


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
