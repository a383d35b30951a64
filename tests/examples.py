"""The examples of a Markdown page, run as a reader would run them.

A page is one session: its blocks run from top to bottom, in one folder that is
empty at first, with what the blocks before them left behind.

| block | what happens |
|---|---|
| `console` | each line after `$ ` runs in bash; lines below it are its output, if there are any |
| `bash`, `shell` | runs as a whole |
| `python` | runs; a `text` block right after it is what it prints |
| any, after a line that ends in "Write this into `name`:" | becomes that file |
| `jsonc` | is a configuration without problems |
| without a language | is no example |
| any, after `<!-- not run: why -->` | nothing; the reason stands in the page's source |

In output `…` stands for anything within a line, or for any lines where it is
alone. A command's exit status is 0, unless `$ echo $?` follows; `make` and
`pip install` are left to whoever runs the tests. Names under `example.com` and
`example.org` stand for servers on loopback.
"""

import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import field, frozen

from pydeps_host import HostConfig

_FENCE = re.compile(r"^(?P<fence>```+)(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=fence)$", re.MULTILINE | re.DOTALL)
_NOT_RUN = re.compile(r"<!-- not run: [^\n]+ -->$")
_FILE = re.compile(r"\bWrite this into `(?P<name>[\w./-]+)`:$")
# Whoever runs the tests has done so; here they would set up the project in a test of it.
_DONE = ("make ", "pip install ")


@frozen
class Block:
    """One fenced block, and the line above it."""

    line: int
    language: str
    text: str
    lead: str

    @property
    def is_run(self) -> bool:
        return _NOT_RUN.search(self.lead) is None

    @property
    def file(self) -> str | None:
        found = _FILE.search(self.lead)
        return found["name"] if found else None


def blocks(text: str) -> list[Block]:
    found = []
    for fence in _FENCE.finditer(text):
        above = text[: fence.start()].rstrip("\n")
        language = fence["info"].strip()
        if not language.startswith("{"):
            found.append(Block(text.count("\n", 0, fence.start()) + 1, language, fence["text"], above.rpartition("\n")[2]))
    return found


@frozen
class Session:
    """A page's session: where it runs, and what its names stand for."""

    folder: Path
    servers: Mapping[str, str]
    environment: Mapping[str, str]
    words: Mapping[str, str] = field(factory=dict)
    names: dict[str, object] = field(factory=lambda: {"__name__": "example"})

    def run(self, page: list[Block]) -> None:
        printed: str | None = None
        for block in page:
            try:
                printed = self._run(block, printed)
            except Exception as problem:
                problem.add_note(f"in the block of line {block.line}:\n{block.text}")
                raise

    def _run(self, block: Block, printed: str | None) -> str | None:
        if not block.is_run or not block.language:
            return None
        if block.file is not None:
            self.folder.joinpath(block.file).write_text(self.real(block.text))
        elif block.language == "console":
            self._console(block.text)
        elif block.language in {"bash", "shell"}:
            self._command(block.text, may_fail=False)
        elif block.language == "jsonc":
            HostConfig.loads(self.real(block.text), environ=self.environment)
        elif block.language == "python":
            return self._python(block)
        elif block.language == "text" and printed is not None:
            assert_alike(printed, block.text)
        else:
            raise AssertionError(f"nobody knows what to do with a block of {block.language or 'no language'}")
        return None

    def real(self, text: str) -> str:
        """Put this machine's servers in place of the text's names."""
        for name, server in self.servers.items():
            text = re.sub(rf"https://((?:[^/@\s\"']*@)?){re.escape(name)}", rf"http://\g<1>{server}", text)
        for word, meant in self.words.items():
            text = text.replace(word, meant)
        return text

    def told(self, output: str) -> str:
        """Put the text's names in place of this machine's servers."""
        for name, server in self.servers.items():
            output = re.sub(rf"http://((?:[^/@\s\"']*@)?){re.escape(server)}", rf"https://\g<1>{name}", output).replace(server, name)
        return output

    def _console(self, text: str) -> None:
        commands = list(_commands(text))
        for (command, expected), follower in zip(commands, [*commands[1:], ("", "")], strict=True):
            if command.startswith(_DONE):
                continue
            output = self._command(command, may_fail=follower[0] == "echo $?")
            if expected:
                assert_alike(output, expected)

    def _command(self, command: str, *, may_fail: bool) -> str:
        state = self.folder.parent / "state"
        before = f". {state}" if state.exists() else ":"
        after = f'status=$?; {{ export -p; printf "cd %q\\n" "$PWD"; echo "(exit $status)"; }} > {state}; exit $status'
        script = f"{before}\n{self.real(command)}\n{after}\n"
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-c", script],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        assert may_fail or done.returncode == 0, f"exit status {done.returncode}: {done.stdout}"
        return self.told(done.stdout)

    def _python(self, block: Block) -> str:
        output = io.StringIO()
        program = compile("\n" * block.line + self.real(block.text), "example.py", "exec")
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(output):
            exec(program, self.names)
        return self.told(output.getvalue())


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command, and the output that stands below it."""
    assert text.startswith("$ "), "a console block begins with a command"
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = re.sub(r"\\\n> ", "\\\n", part).partition("\n")
        while command.endswith("\\"):
            more, _, output = output.partition("\n")
            command += f"\n{more}"
        yield command, output


def assert_alike(output: str, expected: str) -> None:
    """Compare what came with what the page shows, line by line; spaces at the ends of lines are of no account."""
    pattern = "".join("(?:.*\n)*?" if line.strip() == "…" else _line_pattern(line) for line in expected.rstrip().split("\n"))
    tidy = "".join(f"{line.rstrip()}\n" for line in output.rstrip().split("\n"))
    assert re.fullmatch(pattern, tidy), f"{tidy}--- is not ---\n{expected}"


def _line_pattern(line: str) -> str:
    return ".*?".join(re.escape(part) for part in line.rstrip().split("…")) + "\n"


def environment(home: Path, **more: str) -> dict[str, str]:
    """What a reader's shell has: our programs first, and no settings of this machine."""
    programs = Path(sys.executable).parent
    return {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_PAGER": "cat",
        **more,
    }
