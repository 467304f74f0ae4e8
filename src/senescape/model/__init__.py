"""The nouns of a scenario: cells, arrows, signals, therapy, host, observation, question."""

from senescape.model.arrows import Arrow, Figure1, Rerouting
from senescape.model.base import Noun, Value, read_value
from senescape.model.cells import Cells, Clone, Crowding, Initial, Role, State
from senescape.model.contrasts import Contrast, Setting
from senescape.model.expectations import Arm, Expectation, Without
from senescape.model.host import Host
from senescape.model.measured import Measured, MeasuredWells
from senescape.model.observation import Noise, Observable
from senescape.model.outcome import Endpoint, EndpointName, OutcomeNoun, Progression
from senescape.model.players import Player, player_parameter
from senescape.model.refusal import dotted, refusal
from senescape.model.scenario import (
    ASSUMPTION,
    Citation,
    Inducer,
    Only,
    ParameterNoun,
    Scenario,
    Variant,
)
from senescape.model.signals import Inflow, PortNoun, Secretion, SignalLaw, SignalNoun
from senescape.model.therapy import (
    Bath,
    Compartmental,
    Dose,
    Drug,
    Entry,
    Every,
    Fraction,
    Infusion,
    Look,
    Medium,
    Radiation,
    Regimen,
    Times,
    Washout,
)
from senescape.model.uncertainty import Correlation, Distribution, Draws, Uncertainty, Variation

__all__ = [
    "ASSUMPTION",
    "Arm",
    "Arrow",
    "Bath",
    "Cells",
    "Citation",
    "Clone",
    "Compartmental",
    "Contrast",
    "Correlation",
    "Crowding",
    "Distribution",
    "Dose",
    "Draws",
    "Drug",
    "Endpoint",
    "EndpointName",
    "Entry",
    "Every",
    "Expectation",
    "Figure1",
    "Fraction",
    "Host",
    "Inducer",
    "Inflow",
    "Infusion",
    "Initial",
    "Look",
    "Measured",
    "MeasuredWells",
    "Medium",
    "Noise",
    "Noun",
    "Observable",
    "Only",
    "OutcomeNoun",
    "ParameterNoun",
    "Player",
    "PortNoun",
    "Progression",
    "Radiation",
    "Regimen",
    "Rerouting",
    "Role",
    "Scenario",
    "Secretion",
    "Setting",
    "SignalLaw",
    "SignalNoun",
    "State",
    "Times",
    "Uncertainty",
    "Value",
    "Variant",
    "Variation",
    "Washout",
    "Without",
    "dotted",
    "player_parameter",
    "read_value",
    "refusal",
]
