"""The processor time that some code takes within a process that does other work too, measured where it runs.

The difference of two sides is all noise where the code takes a hundredth of either; here only that hundredth is timed.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import wraps
from time import thread_time
from types import ModuleType
from typing import Any


class OwnTime:
    """`seconds`: of the processor, in calls by the thread that made this. A call within another one is part of it. The
    clock's own time is counted too: the figure is rather too high."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._thread = threading.get_ident()
        self._is_within = False

    def timed(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """As `call`; the context manager that it may give is timed where it begins and where it ends."""

        @wraps(call)
        def timed(*args: Any, **kwargs: Any) -> Any:
            if self._is_within or threading.get_ident() != self._thread:
                return call(*args, **kwargs)
            self._is_within, begun = True, thread_time()
            try:
                made = call(*args, **kwargs)
            finally:
                self.seconds += thread_time() - begun
                self._is_within = False
            return _Timed(self, made) if isinstance(made, ContextManagerOfGenerator) else made

        return timed

    @contextmanager
    def of(self, owner: type | ModuleType, names: Iterable[str]) -> Iterator[None]:
        """These functions of a class or a module are timed within."""
        kept = {name: vars(owner)[name] for name in names}
        try:
            for name, call in kept.items():
                setattr(owner, name, self.timed(call))
            yield
        finally:
            for name, call in kept.items():
                setattr(owner, name, call)


ContextManagerOfGenerator = type(contextmanager(lambda: iter(()))())


class _Timed(AbstractContextManager[Any]):
    def __init__(self, own: OwnTime, made: AbstractContextManager[Any]):
        self._enter, self._exit = own.timed(made.__enter__), own.timed(made.__exit__)

    def __enter__(self) -> Any:
        return self._enter()

    def __exit__(self, *error: Any) -> Any:
        return self._exit(*error)


def all_of(own: OwnTime, places: Iterable[tuple[type | ModuleType, Iterable[str]]]) -> ExitStack:
    """Several of them at once: `with all_of(own, …):`."""
    stack = ExitStack()
    for owner, names in places:
        stack.enter_context(own.of(owner, names))
    return stack
