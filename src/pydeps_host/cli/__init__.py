"""The command; never imported by the library."""

from pydeps_host.cli.commands import command, run

__all__ = ["command", "run"]
