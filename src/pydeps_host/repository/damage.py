"""What is wrong with a repository."""

from typing import Final

from attrs import frozen

REPAIR: Final = "repair it (`verify --repair`): the repository is set aside and built anew from the index"
REMOVE: Final = "remove it, or repair the repository (`verify --repair`), which is then built anew without it"


@frozen
class Damage:
    """One thing that is wrong with a repository.

    Attributes:
        code: A stable name for programs: `file` (one of the files that make a
            repository), `foreign` (something that another program put there), `journal`,
            `references`, `pack`, `index`, `object`.
        where: The file or folder, relative to the repository.
        what: What is wrong, escaped already.
        object: The id of the object that it is about, in hexadecimal, or None.
        reference: The full name of the reference that it is about, or None.
        line: The line of the file, counted from 1, or None.
        remedy: What to do.
    """

    code: str
    where: str
    what: str
    object: str | None = None
    reference: str | None = None
    line: int | None = None
    remedy: str = REPAIR

    def __str__(self) -> str:
        place = self.where if self.line is None else f"{self.where}:{self.line}"
        about = f"object {self.object}: " if self.object is not None else ""
        return f"{place}: {about}{self.what}"
