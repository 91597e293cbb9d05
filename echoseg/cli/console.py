"""Where the commands print: results to stdout, errors and progress to stderr."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

LOG_WIDTH = 200
"""Columns of a line when the output is a file or a pipe; longer text is folded, never cut."""


def output() -> Console:
    """The console of results. Made when asked for, so that it writes to the stdout of that moment."""
    return _wide_in_logs(Console(highlight=False))


def messages() -> Console:
    """The console of errors and progress (stderr)."""
    return _wide_in_logs(Console(stderr=True, highlight=False))


def print_error(message: str, *, traceback: bool = False) -> None:
    """A red ``error:`` line on stderr; with ``traceback``, that of the exception now handled comes first."""
    console = messages()
    if traceback:
        console.print_exception()
    # Text, not markup: a message may hold square brackets. Soft wrap: one line stays one line.
    console.print(Text.assemble(("error: ", "bold red"), (_one_line(message), "red")), soft_wrap=True)


def _one_line(text: str) -> str:
    """A name in a message may hold what a terminal obeys, or cannot show."""
    from echoseg.io.names import printable

    return "\n".join(printable(line) for line in text.splitlines())


def _wide_in_logs(console: Console) -> Console:
    if not console.is_terminal:
        console.width = LOG_WIDTH
    return console


def note(text: str) -> None:
    """Says something about a run on stderr."""
    messages().print(_one_line(text), markup=False, soft_wrap=True)
