"""Checking one repository, from its files to every object."""

from collections.abc import Container, Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from pydeps_host.errors import DamagedError, DiskError, NotStoredError
from pydeps_host.git import Kind, ObjectDatabase, ObjectId, parse_id
from pydeps_host.git.link_check import PacksCheck
from pydeps_host.git.pack_check import Fault, check_pack
from pydeps_host.repository.damage import Damage
from pydeps_host.repository.disk import is_folder
from pydeps_host.repository.foreign import foreign_files, pack_files, wrong_files
from pydeps_host.repository.history import history_of
from pydeps_host.repository.layout import Layout
from pydeps_host.repository.references import Ref, decode_refs
from pydeps_host.repository.rows import VersionRow
from pydeps_host.repository.salvage import Salvaged, salvage
from pydeps_host.repository.seal import Seal
from pydeps_host.repository.state import references_of
from pydeps_host.repository.superseding import PackAccount
from pydeps_host.values import shown

# How often a check that found something is made again because somebody published meanwhile.
_ATTEMPTS = 20


def verify_repository(path: Path) -> tuple[Damage, ...]:
    """Check everything that a repository is made of, and change nothing.

    Every byte of packs, indexes, references and journal is read. No lock is
    taken: where something looks wrong and somebody published meanwhile, it is looked
    at again. What a process that died left behind is no damage: whoever
    publishes next takes it away.

    Args:
        path: The repository's folder; that it cannot be opened is no hindrance.

    Returns:
        What is wrong; nothing where all is well.

    Raises:
        NotStoredError: There is nothing at the path.
        FormatError: A newer version of this library wrote to it.
        DiskError: The system does not let it be seen.
    """
    layout = Layout(path)
    found: tuple[Damage, ...] = ()
    for _ in range(_ATTEMPTS):
        before = _stamps(layout)
        found = tuple(_damages(layout))
        if not is_folder(path):
            raise NotStoredError(path.name.removesuffix(".git"), str(path.parent))
        if not found or _stamps(layout) == before:
            break
    return found


def _stamps(layout: Layout) -> tuple[tuple[int, int, int] | None, ...]:
    return tuple(map(_stamp, (layout.packed_refs, layout.journal, layout.packs)))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _damages(layout: Layout) -> Iterator[Damage]:
    yield from wrong_files(layout)
    try:
        found = salvage(layout)
    except DiskError as problem:
        yield Damage("file", _relative(layout, Path(problem.path)), f"{problem.doing} it: {problem.reason}")
        return
    journal = list(_journal(layout, found))
    yield from journal
    yield from _references(layout, found)
    # Which packs belong here is known from the whole journal alone.
    packs = found.state.account if found.is_whole and not journal else None
    yield from foreign_files(layout, packs)
    yield from _objects(layout, found, packs)


def _relative(layout: Layout, path: Path) -> str:
    return path.relative_to(layout.root).as_posix() if path.is_relative_to(layout.root) else str(path)


def _journal(layout: Layout, found: Salvaged) -> Iterator[Damage]:
    where = _relative(layout, layout.journal)
    for one in found.lines:
        if one.fault:
            yield Damage("journal", where, one.fault, line=one.number)
    for number, (before, after) in enumerate(pairwise(one.line for one in found.lines), 2):
        if before is not None and after is not None and after.generation != before.generation + 1:
            yield Damage("journal", where, f"generation {after.generation} follows {before.generation}", line=number)
    if len(found.lines) > found.published + 1:
        what = f"{len(found.lines) - found.published} lines lead to references that are not the present ones"
        yield Damage("journal", where, what, line=found.published + 1)
    seal, last = found.seal, found.state.generation
    if seal is not None and seal.generation > last:
        yield Damage("journal", where, f"generation {seal.generation} was published, and the lines that can be read end at {last}")
    elif seal is not None and _is_another(found, seal):
        yield Damage("journal", where, f"the line of generation {seal.generation} is not the one that was published")


def _is_another(found: Salvaged, seal: Seal) -> bool:
    """Whether the line of the generation that was sealed is not the line that was."""
    return any(one.line is not None and one.line.generation == seal.generation and one.sum != seal.sum for one in found.lines)


def _references(layout: Layout, found: Salvaged) -> Iterator[Damage]:
    where = _relative(layout, layout.packed_refs)
    try:
        refs = decode_refs(found.packed_refs, layout.packed_refs)
    except DamagedError as problem:
        yield Damage("references", where, problem.detail)
        return
    if not found.refs_are_current:
        yield Damage(
            "references", where, "the journal knows nothing of it: something else changed the references, or it is not what it was"
        )
    elif found.is_whole:
        state = found.state
        yield from _differences(where, refs, references_of(state.rows, history_of(state.name, state.rows)))


def _differences(where: str, found: Mapping[str, Ref], wanted: dict[str, Ref]) -> Iterator[Damage]:
    for name in sorted({*found, *wanted}):
        if found.get(name) != wanted.get(name):
            what = f"it leads to {_said(found.get(name))}, by the journal to {_said(wanted.get(name))}"
            yield Damage("references", where, f"{shown(name)}: {what}", reference=name)


def _said(ref: Ref | None) -> str:
    return "nothing" if ref is None else ref.id.hex()


def _objects(layout: Layout, found: Salvaged, packs: PackAccount | None) -> Iterator[Damage]:
    """Check packs, then what the references lead to; all packs that are there where it is not known which belong here."""
    try:
        present = pack_files(layout.packs)
    except DiskError as problem:
        yield Damage("file", _relative(layout, layout.packs), problem.reason)
        return
    names = sorted(packs.live if packs is not None else {stem for stem, suffix in present if suffix == ".pack"})
    for name in names:
        for suffix in (".idx", ".pack"):
            if (name, suffix) not in present:
                code = "index" if suffix == ".idx" else "pack"
                yield Damage(code, _relative(layout, layout.packs / f"{name}{suffix}"), "it is missing")
    whole = [name for name in names if _is_there(name, present)]
    check = PacksCheck()
    sound = True
    for fault in check.check([layout.packs / f"{name}.pack" for name in whole]):
        sound = False
        yield _of_fault(layout, fault)
    # Git may read an object from a superseded pack as well, as long as that is there.
    for name in sorted(packs.superseded if packs is not None else ()):
        if _is_there(name, present):
            yield from (_of_fault(layout, fault) for fault in check_pack(layout.packs / f"{name}.pack", _no_links))
    if sound and len(whole) == len(names):
        yield from _targets(layout, found, check)


def _is_there(name: str, present: Container[tuple[str, str]]) -> bool:
    return (name, ".idx") in present and (name, ".pack") in present


def _no_links(id_: ObjectId, kind: Kind, data: bytes | None, /) -> None:
    """What an object of a superseded pack names is in any of the others: it was, when that was made."""


def _of_fault(layout: Layout, fault: Fault) -> Damage:
    code = {".idx": "index", ".pack": "pack"}.get(fault.path.suffix, "object")
    return Damage("object" if fault.object else code, _relative(layout, fault.path), shown(fault.detail), object=fault.object)


def _targets(layout: Layout, found: Salvaged, check: PacksCheck) -> Iterator[Damage]:
    """Check that every reference leads to a sound tag, on the commit that it tells, and each commit to the tree that the journal tells."""
    where = _relative(layout, layout.packed_refs)
    try:
        with ObjectDatabase(layout.packs.parent) as objects:
            for name, ref in found.refs.items():
                detail = _fault_of(name, ref, objects, check)
                if detail:
                    yield Damage("references", where, f"{shown(name)}: {detail}", object=ref.id.hex(), reference=name)
            for row in found.state.rows.values():
                detail = _other_tree(row, objects, check)
                if detail:
                    yield Damage("journal", _relative(layout, layout.journal), f"{shown(row.text)}: {detail}", object=row.commit)
    except (DamagedError, DiskError) as problem:
        yield Damage("pack", _relative(layout, Path(problem.path)), str(problem))


def _fault_of(name: str, ref: Ref, objects: ObjectDatabase, check: PacksCheck) -> str:
    wanted = "commit" if ref.peeled is None else "tag"
    kind = check.kind_of(ObjectId(ref.id))
    if kind != wanted:
        return f"there is no {wanted} {ref.id.hex()}"
    if ref.peeled is None:
        return ""
    tag = objects.tag(ObjectId(ref.id))
    if f"refs/tags/{tag.name}" != name or tag.object != ref.peeled or tag.kind != "commit":
        return f"its tag is {shown(tag.name)} on the {tag.kind} {tag.object.hex()}"
    return ""


def _other_tree(row: VersionRow, objects: ObjectDatabase, check: PacksCheck) -> str:
    """Say so where a published version's commit is not of the tree that the journal tells: its history would be of other files."""
    if not row.is_published or row.commit is None or row.tree is None or check.kind_of(parse_id(row.commit)) != "commit":
        return ""
    tree = objects.commit(parse_id(row.commit)).tree.hex()
    return "" if tree == row.tree else f"its commit is of the tree {tree}, not of {row.tree}"
