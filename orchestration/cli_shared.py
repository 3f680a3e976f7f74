"""What all groups of commands share: options, errors as one sentence, tables, a sign that something goes on.

What does not belong here: commands, and work.
"""

from __future__ import annotations

import atexit
import functools
import gc
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import click
import typer

if TYPE_CHECKING:
    from rich.console import Console

    from connectors.errors import AvalError
    from orchestration.run import ExitCode

# What a command imports, some 4,500 modules for a run, lives to its end: looking through it for garbage
# at Python's default of every 700 objects took a fifth of the time of the imports. Looking once more when
# the command ends took two seconds, and what must be closed is closed by then: it is frozen instead.
GARBAGE_THRESHOLDS: Final = (100_000, 50, 100)

CompanyOption = Annotated[
    Path | None,
    typer.Option(
        "--company",
        "-c",
        metavar="DIR",
        help="Company directory.",
        show_default="AVAL_COMPANY or examples/demo",
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", "-d", metavar="DIR", help="Where Aval writes.", show_default="AVAL_DATA or var/<company>"
    ),
]
EXIT_CODES: Final = """
Exit codes: 0 done or nothing new; 1 a step failed; 2 wrong use or a fault in the company directory;
3 a gate is closed, nothing was published; 4 another run is at work.
"""

_WRONG_USE: Final = (
    "already_closed",
    "ambiguous_feed",
    "before_the_first_close",
    "earlier_month_open",
    "invalid_span",
    "later_month_closed",
    "month_not_ended",
    "no_publication",
    "no_reason",
    "no_warehouse",
    "not_closed",
    "unknown_feed",
    "unknown_figure",
    "unknown_partner",
)
_GATE_CLOSED: Final = (
    "data_not_published",
    "gate_closed",
    "publication_too_old",
    "unexplained_difference",
)


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Faults that a person can mend are one sentence and an exit code, never a traceback."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        atexit.register(gc.freeze)
        if isinstance(sys.stdout, io.TextIOWrapper):
            # Where the locale is not UTF-8, what was done must not fail for a character that cannot be shown.
            sys.stdout.reconfigure(errors="replace")
        from connectors.errors import AvalError, BusyError, ConfigError
        from orchestration.run import ExitCode

        try:
            function(*args, **kwargs)
        except BusyError as error:
            _fail(error, ExitCode.BUSY)
        except ConfigError as error:
            _fail(error, ExitCode.WRONG_USE)
        except AvalError as error:
            _fail(error, _exit_code(error))
        except (typer.Exit, typer.Abort, click.ClickException):
            raise
        except Exception as error:
            from orchestration.disk import fault_of_disk
            from orchestration.publish import fault_of_age

            known = fault_of_disk(error) or fault_of_age(error)
            if known is None:
                raise
            _fail(known, _exit_code(known))

    return wrapped


def _exit_code(error: AvalError) -> ExitCode:
    from orchestration.run import ExitCode

    if error.code in _WRONG_USE:
        return ExitCode.WRONG_USE
    return ExitCode.GATE_CLOSED if error.code in _GATE_CLOSED else ExitCode.FAILED


def _fail(error: Exception, code: ExitCode) -> NoReturn:
    typer.echo(f"aval: {error}", err=True)
    raise typer.Exit(int(code))


def console(*, stderr: bool = False) -> Console:
    """Where a command writes. Text is shown as it is: names and cells of partners' files may hold brackets,
    in which rich would read its own markup, and colons, in which it would read emoji.
    """
    from rich.console import Console

    class Shown(Console):
        def on_broken_pipe(self) -> None:
            """Go on in silence, where rich would end the process as if the work had failed."""
            self.quiet = True
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.file.fileno())
            os.close(nowhere)

    # A log file has no width of its own; a table must not be folded to 80 columns there.
    stream = sys.stderr if stderr else sys.stdout
    return Shown(stderr=stderr, width=None if stream.isatty() else 160, markup=False, emoji=False)


def table(title: str | None) -> Any:
    from rich import box
    from rich.table import Table

    return Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE, show_header=title is not None
    )


def several(count: int, what: str) -> str:
    """`1 row`, `2,340 rows`."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def listed(labels: Sequence[str], shown: int = 4) -> str:
    """The newest labels and how many more there are."""
    newest = ", ".join(labels[-shown:])
    more = len(labels) - shown
    return f"{newest} and {more} more" if more > 0 else newest


@contextmanager
def working(what: str) -> Iterator[None]:
    """Something long is going on: a spinner for a person, a line in a log."""
    if not sys.stderr.isatty():
        typer.echo(f"{what} …", err=True)
        yield
        return
    from rich.text import Text

    with console(stderr=True).status(Text(f"{what} …")):
        yield
