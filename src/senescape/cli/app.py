"""The command line; nothing scientific is imported before a command runs: --help is instant."""

from __future__ import annotations

import gc
import os
import sys
from typing import Annotated, Any

import typer

from senescape.cli import asking, exchanging, looking, runs
from senescape.cli.arguments import given
from senescape.errors import SenescapeError
from senescape.version import __version__

# The base of what typer raises for a wrong command or option; it has no public name of its own.
USAGE: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
STOPPED = 130

app = typer.Typer(
    name="senescape",
    help="Therapy-induced senescence in cancer: friend or foe? "
    "A research tool, not for decisions about patients.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

# what has no name of its own adds its commands here
for each in (asking.commands, exchanging.commands, looking.commands):
    app.add_typer(each)
app.add_typer(runs.app, name="runs")


def main() -> None:
    """Run the command line; a refusal is one line on standard error and exit status 2."""
    _start_lightly()
    try:
        # not standalone: else a wrong option is three lines, and a stop by the user none
        status = app(standalone_mode=False)
    except SenescapeError as error:
        raise _refused(str(error)) from None
    except USAGE as error:
        if len(sys.argv) < 2:  # no command at all: the help is the answer
            error.show()
            raise SystemExit(2) from None
        text = " ".join(error.format_message().split()).rstrip(".")
        place = getattr(error.ctx, "command_path", app.info.name)
        said = given(getattr(getattr(error, "param", None), "opts", []))
        raise _refused(f"{text}{said}; see {place} --help [cli.usage]") from None
    except MemoryError:
        lower = "ask for fewer hosts, draws or output times"
        raise _refused(f"out of memory; allowed: what fits; {lower} [run.memory]") from None
    except (KeyboardInterrupt, typer.Abort):
        status = STOPPED
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(0) from None
    if status == STOPPED:
        from senescape.cli.stopping import leave

        print("senescape: stopped by the user; nothing was written", file=sys.stderr)
        leave(STOPPED)
    if status:
        raise SystemExit(status)


def _start_lightly() -> None:
    """Spare this process what it gains nothing from: a fifth of the time to a first result."""
    # threads of OpenBLAS wait busily from its import on; no large matrix is ever multiplied here
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # what imports leave behind stays: looking for garbage in it after every 700 objects is in vain
    gc.set_threshold(50_000, 20, 100)


def _refused(text: str) -> SystemExit:
    # a name may hold bytes that no terminal can show
    print(f"senescape: {text}".encode("utf-8", "backslashreplace").decode(), file=sys.stderr)
    return SystemExit(2)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"senescape {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and leave.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Therapy-induced senescence in cancer: friend or foe? Research tool, not for patients."""
