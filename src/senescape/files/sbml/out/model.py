"""From a scenario's network to what SBML can say."""

from __future__ import annotations

from senescape.errors import NetworkError
from senescape.network import Network

from .builder import Builder
from .doses import doses
from .nouns import Labels, Model, Start


def exported(network: Network, start: Start, labels: Labels) -> Model:
    """Return a scenario's network as a model for other tools.

    Parameters
    ----------
    network : Network
        Of a scenario, not one read from SBML.
    start : Start
        Numbers before the first breakpoint.
    labels : Labels
        Name, notes and sources.

    Raises
    ------
    NetworkError
        A plain network: it came from SBML.

    Notes
    -----
    Time 0 of the file is the start of the scenario, since SBML knows no earlier time.
    """
    if network.plain:
        raise NetworkError(
            "a network that was read from SBML",
            allowed="the network of a scenario",
            remedy="use the SBML file itself",
            check="export.plain",
        )
    builder = Builder(network, start, labels)
    return Model(
        builder.ids.new(labels.name),
        labels,
        tuple(builder.quantities()),
        tuple(builder.species()),
        tuple(builder.reactions()),
        doses(builder),
    )
