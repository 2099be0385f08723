"""Who may run now: many side by side, or one that must have the machine to itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Turns:
    """Shared by the threads of a batch; `stopped` is set when the batch is given up."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = 0
        self._solitary = False
        self.stopped = threading.Event()

    @contextmanager
    def beside_others(self) -> Iterator[None]:
        """A turn that waits only for a solitary one to end."""
        with self._changed:
            self._wait(lambda: not self._solitary)
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    @contextmanager
    def by_itself(self) -> Iterator[None]:
        """A turn during which nothing else runs; new ones wait until it is over."""
        with self._changed:
            self._wait(lambda: not self._solitary)
            self._solitary = True
            self._wait(lambda: not self._running)
        try:
            yield
        finally:
            with self._changed:
                self._solitary = False
                self._changed.notify_all()

    def stop(self) -> None:
        """Ends every wait, and every run that looks at `stopped`."""
        self.stopped.set()
        with self._changed:
            self._changed.notify_all()

    def _wait(self, ready: Callable[[], bool]) -> None:
        self._changed.wait_for(lambda: self.stopped.is_set() or ready())
        if self.stopped.is_set():
            raise KeyboardInterrupt
