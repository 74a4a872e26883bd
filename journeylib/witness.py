"""What a notebook says beside its results, heard inside its kernel, and how much a cell may print.

An IPython extension that the runner loads into each kernel: warnings, what is logged as a warning
or an error, and exceptions in background threads, which else nobody would hear of.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
import warnings
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_TEXT = 2_000_000
MOST_SHOWN = 50_000_000
MOST_DISPLAYS = 500
FLUSH_SECONDS = 0.1
MOST_HEARD = 200
LONGEST_TEXT = 500
THREAD_SECONDS = 10.0
STILL_RUNNING = "A background thread was still running when the notebook ended."


@dataclass(slots=True)
class Stream:
    """Standard output or error of a kernel, of which one cell may fill so much.

    Attributes:
        write: The stream's own method.
        send: The stream's own method ``flush``.
        written: Characters that the present cell has written.
        sent: When the stream was last flushed.
        waiting: Whether anything was written since then.
    """

    write: Callable[[str], Any]
    send: Callable[[], Any]
    written: int = 0
    sent: float = 0.0
    waiting: bool = False

    def flush(self) -> None:
        """Flush when the kernel asks, but not at each print: too many messages would be lost.

        The kernel asks six times a cell, and each time waits for another thread.
        """
        if not self.waiting:
            return
        asked_by = str(sys._getframe(1).f_globals.get("__name__", ""))
        now = time.monotonic()
        if asked_by.startswith("ipykernel") or now - self.sent > FLUSH_SECONDS:
            self.sent, self.waiting = now, False
            self.send()

    def take(self, text: str) -> int:
        """Write what still fits and count the rest."""
        room = MOST_TEXT - self.written
        self.written += len(text)
        if room > 0:
            self.waiting = True
            self.write(text[:room])
        return len(text)

    def begin(self, *_: Any) -> None:
        """Let the next cell write."""
        self.written = 0

    def end(self, *_: Any) -> None:
        """Say how much of a cell's output was left out."""
        if self.written > MOST_TEXT:
            self.waiting = True
            self.write(
                f"\n… {self.written - MOST_TEXT:,} characters more were left out: "
                f"one cell may print {MOST_TEXT:,}.\n"
            )


@dataclass(slots=True)
class Displays:
    """Tables and pictures that a kernel shows, of which one cell may show so many.

    Attributes:
        publish: The publisher's own method.
        say: Where to say what was left out.
        count: How many the present cell has shown.
        size: Their characters.
        left_out: How many it was not allowed to show.
    """

    publish: Callable[..., Any]
    say: Callable[[str], Any]
    count: int = 0
    size: int = 0
    left_out: int = 0

    def take(self, data: Any, *more: Any, **named: Any) -> None:
        """Show what is still allowed and count the rest."""
        self.count += 1
        self.size += sum(len(shown) for shown in data.values() if isinstance(shown, str | bytes))
        if self.count > MOST_DISPLAYS or self.size > MOST_SHOWN:
            self.left_out += 1
        else:
            self.publish(data, *more, **named)

    def begin(self, *_: Any) -> None:
        """Let the next cell show something."""
        self.count = self.size = self.left_out = 0

    def end(self, *_: Any) -> None:
        """Say how much of what a cell showed was left out."""
        if self.left_out:
            self.say(
                f"\n… {self.left_out:,} further tables or pictures were left out: "
                f"one cell may show {MOST_DISPLAYS} of them, {MOST_SHOWN / 1e6:.0f} MB in all.\n"
            )


@dataclass(slots=True)
class Witness:
    """What was heard in one kernel.

    Attributes:
        cell: How many cells were begun.
        heard: How often a cell said something.
        failed: Cell, kind and text of exceptions in background threads.
        threads: Threads that cells started, with the cell.
    """

    cell: int = 0
    heard: Counter[tuple[int, str]] = field(default_factory=Counter)
    failed: list[tuple[int, str, str]] = field(default_factory=list)
    threads: dict[threading.Thread, int] = field(default_factory=dict)

    def begin(self, *_: Any) -> None:
        """Count the cell that begins."""
        self.cell += 1

    def hear(self, text: str) -> None:
        """Remember something that the present cell said."""
        said = (self.cell, text[:LONGEST_TEXT])
        if said in self.heard or len(self.heard) < MOST_HEARD:
            self.heard[said] += 1

    def hear_warning(self, message: Any, category: type[Warning], *place: Any, **_: Any) -> None:
        """Take the place of ``warnings.showwarning``: no path and no line, which differ by run."""
        del place
        text = f"{category.__name__}: {message}"
        self.hear(text)
        sys.stderr.write(f"{text}\n")

    def hear_log(self, record: logging.LogRecord) -> None:
        """Remember what is logged, from warnings on."""
        if record.levelno >= logging.WARNING:
            with suppress(Exception):  # a record that cannot be written is no reason to fail
                why = f" ({_tell(*record.exc_info[:2])})" if record.exc_info else ""
                self.hear(f"{record.levelname} ({record.name}): {record.getMessage()}{why}")

    def start_thread(self, thread: threading.Thread) -> None:
        """Remember which cell started a thread, and forget those that ended."""
        if len(self.threads) > MOST_HEARD:
            self.threads = {one: at for one, at in self.threads.items() if one.is_alive()}
        self.threads[thread] = self.cell

    def hear_thread(self, args: Any) -> None:
        """Take the place of ``threading.excepthook``: the notebook has failed."""
        if issubclass(args.exc_type, SystemExit) or len(self.failed) >= MOST_HEARD:
            return
        cell = self.threads.get(args.thread, self.cell)
        text = str(args.exc_value)[:LONGEST_TEXT]
        self.failed.append((cell, args.exc_type.__name__, text))
        sys.stderr.write(f"A background thread failed: {_tell(args.exc_type, args.exc_value)}\n")

    def tell(self, patience: float = THREAD_SECONDS) -> str:
        """Tell all that was heard, once the threads that cells started have ended.

        Args:
            patience: Seconds to wait for them.

        Returns:
            JSON: ``failed``, lists of cell, kind and text; ``heard``, lists of cell, text and how
            often. Cells are counted as they are run, from 1.
        """
        deadline = time.monotonic() + patience
        for thread, cell in list(self.threads.items()):
            if thread.daemon or _belongs_to_pool(thread):
                continue
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                self.heard[cell, STILL_RUNNING] += 1
        heard = [(cell, text, often) for (cell, text), often in sorted(self.heard.items())]
        return json.dumps({"failed": sorted(self.failed), "heard": heard})


def _tell(kind: type[BaseException] | None, value: BaseException | None) -> str:
    return f"{kind.__name__ if kind else 'Exception'}: {value}"


def _belongs_to_pool(thread: threading.Thread) -> bool:
    """A pool's threads wait for work for ever, and hand their exceptions over."""
    from concurrent.futures import thread as pools

    return thread in pools._threads_queues


WITNESSES: list[Witness] = []


def tell(patience: float = THREAD_SECONDS) -> str:
    """Tell what the witness of this kernel heard; nothing where there is none.

    Args:
        patience: Seconds to wait for threads that cells started.
    """
    return WITNESSES[-1].tell(patience) if WITNESSES else "{}"


def load_ipython_extension(shell: Any) -> None:
    """Listen from now on; called by IPython.

    Args:
        shell: The kernel's shell.
    """
    witness = Witness()
    WITNESSES.append(witness)
    shell.events.register("pre_run_cell", witness.begin)
    warnings.showwarning = witness.hear_warning
    threading.excepthook = witness.hear_thread
    _hook(threading.Thread, "start", witness.start_thread)
    _hook(logging.Logger, "callHandlers", lambda _, record: witness.hear_log(record))
    limits: list[Displays | Stream] = []
    for name in ("stdout", "stderr"):
        output: Any = getattr(sys, name)
        stream = Stream(output.write, output.flush)
        output.write, output.flush = stream.take, stream.flush
        limits.append(stream)
    displays = Displays(shell.display_pub.publish, sys.stdout.write)
    shell.display_pub.publish = displays.take
    limits.insert(0, displays)  # what was left out is told before the stream counts its own
    for limit in limits:
        shell.events.register("pre_run_cell", limit.begin)
        shell.events.register("post_run_cell", limit.end)


def _hook(owner: type, name: str, listen: Callable[..., object]) -> None:
    """Have something called before a method, with the same arguments."""
    own = getattr(owner, name)

    def listening(*args: Any, **named: Any) -> Any:
        listen(*args)
        return own(*args, **named)

    setattr(owner, name, listening)
