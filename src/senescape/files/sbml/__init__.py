"""SBML reaction networks in: scanned, parsed in a process that may die, built into a network.

What is supported and what is refused: docs/sbml.md.
"""

from __future__ import annotations

from pathlib import Path

from senescape.files.sbml.build import network_of
from senescape.files.sbml.process import parsed
from senescape.files.sbml.scan import read_scanned, scan
from senescape.network import Network

__all__ = ["parse_sbml", "read_sbml"]


def read_sbml(path: str | Path) -> Network:
    """Read a reaction network from an SBML file (Levels 1 to 3).

    Parameters
    ----------
    path : str or Path
        At most 5 MB, UTF-8.

    Returns
    -------
    Network
        A plain network: numbers in the units of the file, time as in the file.

    Raises
    ------
    SenescapeError
        Naming file, line and element: what cannot be read, or cannot be run as it is meant.
    """
    return network_of(parsed(read_scanned(path), str(path)), str(path))


def parse_sbml(text: str, file: str = "<text>") -> Network:
    """Read a reaction network from text; see :func:`read_sbml`."""
    scan(text, file)
    return network_of(parsed(text, file), file)
