"""What happened to a host, and friend or foe."""

from senescape.verdict.contrasts import ContrastResult, contrasts
from senescape.verdict.counterfactual import RULES, Rule, Worlds, chances_at, run_worlds
from senescape.verdict.endpoints import (
    BOXES,
    Box,
    History,
    arrest_time,
    box_of,
    complete_arrest,
    cure,
    endpoint_values,
    progression_time,
    survival_time,
)
from senescape.verdict.expectations import HOLDS, VANISHES, ExpectationResult, expect
from senescape.verdict.judge import curve_times, judge, regimens_of
from senescape.verdict.nouns import Reading, RuleResult, Verdict
from senescape.verdict.sentences import (
    BOX_WORDS,
    DISCLAIMER,
    PLAYER_WORDS,
    headline,
    interval,
    signed,
)
from senescape.verdict.shares import HostShares, share_out
from senescape.verdict.words import Effect, Word, effect_of, headline_word, shrink, wilson, word_of

__all__ = [
    "BOXES",
    "BOX_WORDS",
    "DISCLAIMER",
    "HOLDS",
    "PLAYER_WORDS",
    "RULES",
    "VANISHES",
    "Box",
    "ContrastResult",
    "Effect",
    "ExpectationResult",
    "History",
    "HostShares",
    "Reading",
    "Rule",
    "RuleResult",
    "Verdict",
    "Word",
    "Worlds",
    "arrest_time",
    "box_of",
    "chances_at",
    "complete_arrest",
    "contrasts",
    "cure",
    "curve_times",
    "effect_of",
    "endpoint_values",
    "expect",
    "headline",
    "headline_word",
    "interval",
    "judge",
    "progression_time",
    "regimens_of",
    "run_worlds",
    "share_out",
    "shrink",
    "signed",
    "survival_time",
    "wilson",
    "word_of",
]
