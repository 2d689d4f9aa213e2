"""What plans leave behind: in a batch's record, and of speeds for the batches to come. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from foreverus.choice.records import NextStep, Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Setbacks:
    """What went wrong with a batch's rounds so far. Failures and pauses count since the last progress; the name of the
    error stands in `…_barred` when a backend is not asked again."""

    gpu_failures: int = 0
    bedrock_failures: int = 0
    pauses: int = 0
    gpu_barred: str = ""
    bedrock_barred: str = ""
    no_capacity_until: str = ""  # nobody sold us a GPU; until then one is not thought of
    most_gpus: int | None = None


NO_SETBACKS = Setbacks()


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundStart:
    """What a plan began, and what the next plan measures it by: counts of all shards at its beginning."""

    planned: NextStep = NextStep.NONE
    began_at: str = ""
    finished_before: int = 0  # lines
    tokens_before: int = 0  # of completions


NO_ROUND = RoundStart()


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRound:
    """A plan's decision, as the record keeps it. `choice_text`: `choice` in words. `backend` None: the one before
    stays."""

    number: int
    start: RoundStart
    choice: Mapping[str, Number]
    choice_text: str = ""
    gpus: int = 1
    on_demand: bool = False
    backend: str | None = None
    setbacks: Setbacks = NO_SETBACKS


@dataclass(frozen=True, slots=True)
class LearnedSpeed:
    """What earlier batches measured of an instance type, or of Bedrock. None: not measured."""

    tokens_per_second: float | None = None
    boot_seconds: float | None = None
