"""Tables of readings in and out (CSV); every refusal names file, line and field."""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path

from senescape.errors import DataError, UnitError, Where, nearest
from senescape.results import Observed, Reading, Status
from senescape.units import TIME, unit_dimension, unit_factor

from .texts import Unreadable, read_text

REQUIRED = ("assay", "regimen", "subject", "value", "unit")
OPTIONAL = ("scored", "status")
LARGEST = 50_000_000
LATEST = 1e5
SURVIVAL = (Status.DIED, Status.CENSORED)
PLAIN = (Status.SEEN, Status.BELOW)
_TIME = re.compile(r"time \[([^\]]+)\]")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")


def read_observed(path: str | Path) -> Observed:
    """Read a table of readings.

    Parameters
    ----------
    path : str or Path
        CSV with a header: ``assay, regimen, subject, time [day], value, unit``, and where they
        apply ``scored`` (cells looked at for a share) and ``status`` (seen, below; for survival
        died, censored). The time may have any unit of time in its brackets. A share has the unit
        1 or %.

    Raises
    ------
    DataError
        One line with file, line, column and remedy.
    """
    file = str(path)
    try:
        return parse_observed(read_text(path, LARGEST), file)
    except Unreadable as error:
        allowed = f"a CSV file in UTF-8, at most {LARGEST} bytes"
        raise _refuse(error.problem, allowed, error.remedy, error.kind, file) from None


def parse_observed(text: str, file: str = "table") -> Observed:
    """Read a table of readings from text (see :func:`read_observed`)."""
    if "\0" in text:
        raise _refuse("a zero byte", "text", "save the table as CSV", "encoding", file)
    # newline="": a line break inside quotes stays as it is, and is refused where it is read
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        factor = _header(header, file)
        readings: list[Reading] = []
        seen: dict[tuple[object, ...], int] = {}
        first: dict[str, tuple[Reading, int]] = {}
        for cells in rows:
            if not any(c.strip() for c in cells):
                continue
            line = rows.line_num
            if len(cells) != len(header):
                raise _refuse(
                    f"{len(cells)} fields",
                    f"{len(header)}, as in the header",
                    "put text with commas in quotes, and write decimals with a point",
                    "ragged",
                    file,
                    line,
                )
            row = dict(zip(header, (c.strip() for c in cells), strict=True))
            reading = _reading(row, factor, file, line)
            key = (reading.assay, reading.regimen, reading.subject, reading.time)
            if key in seen:
                raise _refuse(
                    f"a second reading of {', '.join(map(str, key[:3]))} at day {key[3]:g}",
                    f"one reading each; the first is in line {seen[key]}",
                    "give every subject its own name",
                    "duplicate",
                    file,
                    line,
                )
            seen[key] = line
            _of_one_kind(reading, *first.setdefault(reading.assay, (reading, line)), file, line)
            readings.append(reading)
    except csv.Error as error:
        remedy = "save the table again as CSV, in quotes where a field holds commas or quotes"
        line = max(1, rows.line_num)
        raise _refuse(str(error), "a CSV table", remedy, "csv", file, line) from None
    if not readings:
        raise _refuse("no reading", "at least one row", "fill the table", "empty", file)
    return Observed(tuple(readings), file)


def observed_text(observed: Observed) -> str:
    """Return a table as CSV, as :func:`read_observed` reads it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*REQUIRED[:3], "time [day]", *REQUIRED[3:], *OPTIONAL])
    for r in observed.readings:
        scored = r.scored or ""
        row = (r.assay, r.regimen, r.subject, repr(r.time), repr(r.value), r.unit, scored)
        writer.writerow([*row, r.status.value])
    return out.getvalue()


def _of_one_kind(reading: Reading, first: Reading, at: int, file: str, line: int) -> None:
    """Refuse an assay that changes its unit, or is survival in some rows and not in others."""
    if reading.unit != first.unit:
        raise _refuse(
            f"{reading.assay} in {reading.unit}",
            f"one unit for an assay; {first.unit} in line {at}",
            "convert the values, or give the two assays different names",
            "mixed-units",
            file,
            line,
            "unit",
        )
    if (reading.status in SURVIVAL) != (first.status in SURVIVAL):
        raise _refuse(
            f"{reading.assay} {reading.status.value}",
            f"{', '.join(s.value for s in (SURVIVAL if first.status in SURVIVAL else PLAIN))}, "
            f"as in line {at}",
            "give survival and other readings different names",
            "mixed-status",
            file,
            line,
            "status",
        )


def _header(header: list[str], file: str) -> float:
    """Check the header; return how many days the unit of its time has."""
    times = [m for name in header if (m := _TIME.fullmatch(name))]
    known = {*REQUIRED, *OPTIONAL}
    missing = [name for name in REQUIRED if name not in header]
    others = [mark for mark in (";", "\t", "|") if len(header) == 1 and mark in header[0]]
    if others:
        mark = {";": "semicolons", "\t": "tabs", "|": "bars"}[others[0]]
        remedy = "save the table as CSV with commas, and decimals with points"
        raise _refuse(f"columns apart by {mark}", "commas", remedy, "separator", file, 1)
    if missing or len(times) != 1:
        what = missing[0] if missing else "time [unit]"
        raise _refuse(
            f"no column {what}" if missing or not times else "two columns of time",
            f"{', '.join(REQUIRED)} and one of time [day] or time [h]; also {', '.join(OPTIONAL)}",
            nearest(what, header) if header else "write a header",
            "columns",
            file,
            1,
        )
    for name in header:
        if name not in known and not _TIME.fullmatch(name):
            raise _refuse(
                f"column {name}", ", ".join(known), nearest(name, known), "columns", file, 1
            )
    if len(set(header)) != len(header):
        raise _refuse("a column twice", "each once", "leave one out", "columns", file, 1)
    unit = times[0].group(1)
    try:
        if unit_dimension(unit) != TIME:
            raise _refuse(f"time in {unit}", "a unit of time", "write day or h", "time", file, 1)
    except UnitError as error:
        raise error.at(Where(file=file, line=1, field="time")) from None
    return unit_factor(unit)


def _reading(row: dict[str, str], factor: float, file: str, line: int) -> Reading:
    """Return one row, checked."""
    for name in ("assay", "regimen", "subject"):
        if not row[name] or not row[name].isprintable():
            given = "nothing" if not row[name] else "a name with a character that does not print"
            raise _refuse(given, "a name", "name it", "name", file, line, name)
    time_name = next(n for n in row if _TIME.fullmatch(n))
    time = _number(row[time_name], file, line, time_name) * factor
    if not abs(time) <= LATEST:
        allowed, remedy = f"within {LATEST:g} days of the first treatment", "check number and unit"
        raise _refuse(row[time_name], allowed, remedy, "time", file, line, time_name)
    value = _number(row["value"], file, line, "value")
    status = _status(row, file, line)
    unit, factor, share = _unit(row, status, file, line)
    if value < 0.0 or (share and value * factor > 1.0):
        raise _refuse(
            f"{row['value']} {row['unit']}",
            "0 to 100 %" if share else "0 or more",
            "correct the value; give a background as its own reading, not subtracted",
            "range",
            file,
            line,
            "value",
        )
    scored = 0
    if row.get("scored"):
        scored_value = _number(row["scored"], file, line, "scored")
        if scored_value < 1 or scored_value != int(scored_value):
            allowed = "a whole number of cells, 1 or more"
            given, remedy = row["scored"], "give the number of cells that were looked at"
            raise _refuse(given, allowed, remedy, "scored", file, line, "scored")
        scored = int(scored_value)
    named = (row["assay"], row["regimen"], row["subject"])
    return Reading(*named, time, value * factor, unit, scored, status)


def _status(row: dict[str, str], file: str, line: int) -> Status:
    words = [s.value for s in Status]
    word = row.get("status") or "seen"
    if word not in words:
        raise _refuse(word, ", ".join(words), nearest(word, words), "status", file, line, "status")
    return Status(word)


def _unit(row: dict[str, str], status: Status, file: str, line: int) -> tuple[str, float, bool]:
    """Return the unit that is kept, what turns the value into it, and whether it is a share."""
    unit = row["unit"] or "1"
    try:
        dimension = unit_dimension("1" if unit == "%" else unit)
    except UnitError as error:
        raise error.at(Where(file=file, line=line, field="unit")) from None
    if status in SURVIVAL:
        if dimension != TIME:
            raise _refuse(
                f"{status.value} with a value in {unit}",
                "a unit of time: the day of death, or on which it was last seen alive",
                "write that day, or the status seen",
                "status",
                file,
                line,
                "unit",
            )
        return "day", unit_factor(unit), False
    if unit == "%":
        return "1", 0.01, True
    return unit, 1.0, bool(row.get("scored"))


def _number(text: str, file: str, line: int, column: str) -> float:
    remedy = "write a number, or leave the row out"
    if _DECIMAL_COMMA.fullmatch(text):
        remedy = "write decimals with a point, and thousands without a comma"
    elif text.endswith("%"):
        remedy = "write % in the column unit"
    elif text.startswith("<"):
        remedy = "write the limit of detection, and below in the column status"
    try:
        value = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        given = text or "nothing"
        raise _refuse(given, "a finite number", remedy, "number", file, line, column)
    return value


def _refuse(
    given: str,
    allowed: str,
    remedy: str,
    check: str,
    file: str,
    line: int | None = None,
    field: str | None = None,
) -> DataError:
    where = Where(file=file, line=line, field=field)
    return DataError(given, allowed=allowed, remedy=remedy, check=f"table.{check}", where=where)
