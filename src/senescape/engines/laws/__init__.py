"""What becomes of the cells of one compartment in a step at frozen per-capita rates."""

from senescape.engines.laws.chain import chain, dividing_chain, erlang_tail
from senescape.engines.laws.one_stage import Moments, moments, one_stage

__all__ = ["Moments", "chain", "dividing_chain", "erlang_tail", "moments", "one_stage"]
