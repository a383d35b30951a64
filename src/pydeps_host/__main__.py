"""`python -m pydeps_host`, and the `pydeps-host` command."""

import sys


def main() -> None:
    """Run the command, or say what it needs."""
    try:
        from pydeps_host.cli import run
    except ModuleNotFoundError as missing:
        if missing.name not in {"click", "rich"}:
            raise
        sys.exit("The command needs a few more packages than the library: pip install 'pydeps-host[cli]'")
    run()


if __name__ == "__main__":
    main()
