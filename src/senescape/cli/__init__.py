"""Commands named by the user's verb, each a few lines over the API."""

__all__ = ["main"]


def main() -> None:
    """Run the command line.

    Notes
    -----
    Typer is imported here and not at the top, and no scientific library on this path at all, so
    that ``senescape --help`` answers at once.
    """
    from typing import Annotated

    import typer

    from senescape.version import __version__

    def print_version(wanted: bool) -> None:
        if wanted:
            typer.echo(f"senescape {__version__}")
            raise typer.Exit

    def command(
        version: Annotated[
            bool,
            typer.Option(
                "--version",
                help="Print the version and leave.",
                callback=print_version,
                is_eager=True,
            ),
        ] = False,
    ) -> None:
        """Therapy-induced senescence in cancer: friend or foe. Research tool, not for patients."""

    typer.run(command)
