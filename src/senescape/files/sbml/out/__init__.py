"""A scenario's network as another tool's model: SBML (Level 3 Version 2) and Antimony text."""

from senescape.files.sbml.out.antimony import antimony_text
from senescape.files.sbml.out.model import exported
from senescape.files.sbml.out.nouns import Labels, Model, Start
from senescape.files.sbml.out.sbml import sbml_text

__all__ = ["Labels", "Model", "Start", "antimony_text", "exported", "sbml_text"]
