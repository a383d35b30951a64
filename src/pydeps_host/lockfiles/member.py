"""Data from a stranger's file, walked so that every fault has a place."""

from collections.abc import Iterator
from typing import Final, Self

from attrs import frozen

from pydeps_host.errors import LockfileError
from pydeps_host.values import shown

WRITE_ANEW: Final = "write the file anew with the tool that wrote it"


@frozen
class Member:
    """One value of a file, and where it stands.

    Attributes:
        value: What the parser made of it.
        path: The file, for errors.
        place: The way to the value: `package[3].files[0].hash`; empty for the whole.
    """

    value: object
    path: str
    place: str = ""

    def fault(self, message: str, remedy: str = WRITE_ANEW, *, reason: str = "malformed") -> LockfileError:
        """Return the error that this value deserves, to be raised."""
        return LockfileError(self.path, self.place, reason, message, remedy)

    def get(self, key: str) -> Self | None:
        """Return a member of a table, or None where it has none of that name.

        Raises:
            LockfileError: This is no table.
        """
        table = self._table()
        return self._below(key, table[key]) if key in table else None

    def need(self, key: str) -> Self:
        """Return a member of a table.

        Raises:
            LockfileError: This is no table, or has no such member.
        """
        found = self.get(key)
        if found is None:
            raise self._below(key, None).fault("it is missing")
        return found

    def has(self, key: str) -> bool:
        """Whether a table has a member of that name; raises as `get` does."""
        return key in self._table()

    def members(self) -> Iterator[tuple[str, Self]]:
        """Yield the members of a table by name; raises as `get` does."""
        for key, value in self._table().items():
            yield key, self._below(key, value)

    def items(self) -> Iterator[Self]:
        """Yield the items of a list.

        Raises:
            LockfileError: This is no list.
        """
        if not isinstance(self.value, list):
            raise self._misfit("a list")
        for number, item in enumerate(self.value):
            yield type(self)(item, self.path, f"{self.place}[{number}]")

    def each(self, key: str) -> Iterator[Self]:
        """Yield the items of the list `key` of a table, none where it has no such member."""
        found = self.get(key)
        if found is not None:
            yield from found.items()

    def text(self) -> str:
        """Return the text that this is.

        Raises:
            LockfileError: This is no text.
        """
        if not isinstance(self.value, str):
            raise self._misfit("a text")
        return self.value

    def _table(self) -> dict[str, object]:
        if not isinstance(self.value, dict):
            raise self._misfit("a table")
        return self.value

    def _below(self, key: str, value: object) -> Self:
        return type(self)(value, self.path, f"{self.place}{'.' if self.place else ''}{shown(key)}")

    def _misfit(self, wanted: str) -> LockfileError:
        return self.fault(f"{_KINDS.get(type(self.value), 'something else')} stands where {wanted} belongs")


_KINDS = {dict: "a table", list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number", type(None): "null"}
