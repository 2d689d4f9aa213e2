"""What is known of one stream when all rules have run over it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One stream, each sample of one seed. `ratios`: of what was paid to what who knows the future pays; `waits`:
    seconds to the first word, the median person; `a_day`: US$."""

    name: str
    share: float
    requests: int
    ratios: dict[str, list[float]]
    waits: dict[str, float]
    a_day: dict[str, float]

    @property
    def title(self) -> str:
        return f"{self.name} {self.share * 100:.4f}".rstrip("0").rstrip(".") + " %"
