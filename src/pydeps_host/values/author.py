"""Who the author of every object is that is made here: nobody, at a host that does not exist."""

from typing import Final

AUTHOR_NAME: Final = "pydeps-host"
AUTHOR_EMAIL: Final = "pydeps-host@localhost.invalid"
