"""What is asked of whoever materialises, in this process or in another one."""

from pathlib import Path

from attrs import frozen

from pydeps_host.git import FinishedPack, KnownObjects, PackWriter
from pydeps_host.materializer import Materialized, Subject, materialize_subject, write_tag
from pydeps_host.values import Artifact, Policy


@frozen(kw_only=True)
class Task:
    """One verified file, and what its commit and tags tell of it: no URL, nothing secret.

    Attributes:
        subject: What the file is a file of.
        artifact: The file.
        policy: The rules for reading it.
        date: The commit's date where it was chosen before, or None.
        tags: The names of the tags to write.
    """

    subject: Subject
    artifact: Artifact
    policy: Policy
    date: int | None = None
    tags: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        """The project and the version, for errors."""
        return f"{self.subject.name} {self.subject.text}"


@frozen
class Done:
    """A task that was carried out.

    Attributes:
        made: The commit.
        tags: Each tag's name and the id of its object in hexadecimal.
    """

    made: Materialized
    tags: tuple[tuple[str, str], ...]


def carry_out(task: Task, into: PackWriter) -> Done:
    """Write a task's tree, commit and tags into a pack.

    Raises:
        ArchiveError: The archive is refused; the pack is as it was before.
        DiskError: The file cannot be read, or the pack not written.
    """
    made = materialize_subject(task.subject, task.artifact, policy=task.policy, into=into, date=task.date)
    commit = made.commit, made.date
    return Done(made, tuple((tag, write_tag(task.subject, commit, tag=tag, into=into).hex()) for tag in task.tags))


@frozen(kw_only=True)
class NewPack:
    """A pack to be written by another process.

    Attributes:
        path: Where to, as `PackWriter` takes it.
        folder: Where packs are whose objects are not written again.
        known: The names of those, without a suffix.
        sync: Whether it has to be on the disk once it is finished.
    """

    path: Path
    folder: Path
    known: frozenset[str]
    sync: bool

    def open(self) -> PackWriter:
        """Begin to write it.

        Raises:
            DiskError: An index cannot be read, or the file not created.
            DamagedError: An index is none.
        """
        return PackWriter(self.path, known=KnownObjects(self.folder, self.known))


@frozen
class Make:
    """Asks for a task to be carried out; the answer is a `Done`.

    Attributes:
        pack: Into which pack; it is begun with its first task.
        task: The task.
    """

    pack: NewPack
    task: Task


@frozen
class Finish:
    """Asks for a pack to be completed; the answer is a `FinishedPack`, or None where nothing was written."""

    pack: NewPack


@frozen
class Drop:
    """Asks for a pack to be forgotten; nobody waits for an answer, and there is none."""

    pack: NewPack


@frozen
class Failed:
    """The answer to what could not be done.

    Attributes:
        problem: What to raise.
    """

    problem: Exception


Message = Make | Finish | Drop
Answer = Done | FinishedPack | Failed | None
