"""How our GPU's model sees, where it does: what an image is of its context. Pure.

What vLLM makes of an image is known for three families. Of the first two it is a row of tokens for each row of squares,
with one more at its end, of the image made smaller until no side is above a longest one: (columns + 1) x rows, vLLM's
`get_num_image_tokens` of Pixtral (vllm/model_executor/models/pixtral.py, mistral3.py). A square is 16 pixels of Pixtral
12B, with 1,024 the longest side; of Mistral Small 3.1 and 3.2 two patches of 14, with 1,540 (their processors' configs:
`patch_size`, `spatial_merge_size`, `size.longest_edge`). Qwen2.5-VL: two patches of 14 as well, no token at a row's
end, two around the image (`vision_start`, `vision_end`), sides rounded to squares, and as many pixels as `max_pixels`
says, which ours is started with: 1,280 squares, as its model card advises; its own 12,845,056 are 16,384 tokens. None
of it was counted by an engine from here.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from foreverus.backends.images import PromptImage

QWEN_MOST_PIXELS = 1280 * 28 * 28  # template.yaml tells the engine


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSight:
    """`square`: pixels of a token's side. `longest`: pixels of a side, `most_pixels`: of an image that is larger, once
    it is made smaller; 0: no such bound. `row_end`, `around`: tokens beside those of the squares; where `most_pixels`
    bounds them, a row has no end."""

    square: int
    longest: int = 0
    most_pixels: int = 0
    row_end: int = 0
    around: int = 0

    def tokens(self, width: int, height: int) -> int:
        """At most, of one image.

        >>> SIGHTS["pixtral"].tokens(4000, 4000), SIGHTS["mistral-small"].tokens(4000, 4000)
        (4160, 3080)
        >>> SIGHTS["qwen-vl"].tokens(280, 280), SIGHTS["qwen-vl"].tokens(4000, 4000)
        (102, 1282)
        """
        largest = max(width, height)
        if self.longest and largest > self.longest:
            width, height = (-(-side * self.longest // largest) for side in (width, height))
        columns, rows = (-(-side // self.square) for side in (width, height))
        squares = columns * rows
        if self.most_pixels:  # rounded down where it is made smaller; four at least (`min_pixels`)
            squares = min(max(squares, 4), self.most_pixels // self.square**2)
        return squares + self.row_end * rows + self.around

    def all_tokens(self, images: Iterable[PromptImage]) -> int:
        return sum(self.tokens(one.width, one.height) for one in images)


@dataclass(frozen=True, slots=True)
class SeeingModel:
    """The GPU's. `model_id`: as people know it."""

    model_id: str
    sight: ModelSight


# By what the stack's GpuModelSees is set to.
SIGHTS = {
    "pixtral": ModelSight(square=16, longest=1024, row_end=1),
    "mistral-small": ModelSight(square=28, longest=1540, row_end=1),
    "qwen-vl": ModelSight(square=28, most_pixels=QWEN_MOST_PIXELS, around=2),
}


def seeing_model(model_id: str, family: str) -> SeeingModel | None:
    """None: it sees nothing. Raises KeyError for a family that nobody knows.

    >>> seeing_model("mistral-7b", "") is None
    True
    """
    return SeeingModel(model_id, SIGHTS[family]) if family else None
