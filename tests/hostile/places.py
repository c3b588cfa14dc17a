"""What may lie where a source should: links, folders, pipes, devices, names that steer a terminal.

Each place is made in an empty folder and asked for as `ingest.sources`; `words` must be told.
"""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

SOUND = b'{"text":"A sound record."}\n'


class Place(NamedTuple):
    """`make` prepares a folder, `source` is what the settings name; status 0: it is read."""

    name: str
    make: Callable[[Path], object]
    source: str
    status: int = 1
    words: tuple[str, ...] = ()


def write(name: str, content: bytes = SOUND) -> Callable[[Path], object]:
    def make(root: Path) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)

    return make


def link(name: str, target: str) -> Callable[[Path], object]:
    return lambda root: (root / name).symlink_to(target)


def linked(name: str, target: str) -> Callable[[Path], object]:
    def make(root: Path) -> None:
        write(target)(root)
        link(name, target)(root)

    return make


def outside(root: Path) -> None:
    write("../outside.jsonl")(root)
    link("a.jsonl", "../outside.jsonl")(root)


def listening(root: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(root / "a.jsonl"))


def unreadable(root: Path) -> None:
    write("a.jsonl")(root)
    (root / "a.jsonl").chmod(0)


def closed_folder(root: Path) -> None:
    write("closed/a.jsonl")(root)
    (root / "closed").chmod(0)


def nothing(root: Path) -> None:
    """An empty folder."""


FOLDER, REGULAR = "a source is a folder", "a source is not a regular file"
PLACES = [
    Place("a sound file", write("a.jsonl"), "a.jsonl", 0),
    Place("no file", nothing, "a.jsonl", 1, ("no file matches 'a.jsonl'",)),
    Place("a similar name", write("rows.jsonl"), "row.jsonl", 1, ("rows.jsonl",)),
    Place("an empty file", write("a.jsonl", b""), "a.jsonl", 1, ("no record at all",)),
    Place("a folder named like a file", lambda root: (root / "a.jsonl").mkdir(), "a.jsonl", 1,
          (FOLDER, "a.jsonl/*.jsonl")),
    Place("folders alone", lambda root: (root / "a.jsonl").mkdir(), "*.jsonl", 1,
          ("it matches 1 folders only",)),
    Place("the folder itself", nothing, ".", 1, (FOLDER,)),
    Place("the parent", nothing, "..", 1, (FOLDER,)),
    Place("the root", nothing, "/", 1, (FOLDER,)),
    Place("a link", linked("a.jsonl", "b.jsonl"), "a.jsonl", 0),
    Place("a link out of the folder", outside, "a.jsonl", 0),
    Place("a dangling link", link("a.jsonl", "gone.jsonl"), "a.jsonl", 1,
          ("No such file or directory",)),
    Place("a link to itself", link("a.jsonl", "a.jsonl"), "a.jsonl", 1,
          ("Too many levels of symbolic links",)),
    Place("a link to a folder", link("a.jsonl", "."), "a.jsonl", 1, (FOLDER,)),
    Place("a loop of folders", lambda root: (write("a.jsonl")(root), link("loop", ".")(root)),
          "**/*.jsonl", 0),
    Place("a pipe", lambda root: os.mkfifo(root / "a.jsonl"), "a.jsonl", 1, (REGULAR,)),
    Place("a link to a pipe", lambda root: (os.mkfifo(root / "p"), link("a.jsonl", "p")(root)),
          "a.jsonl", 1, (REGULAR,)),
    Place("a socket", listening, "a.jsonl", 1, (REGULAR,)),
    Place("a device", link("a.jsonl", "/dev/zero"), "a.jsonl", 1, (REGULAR,)),
    Place("a device by its name", nothing, "/dev/zero", 1, (REGULAR,)),
    Place("a terminal", link("a.jsonl", "/dev/tty"), "a.jsonl", 1, ()),
    Place("a file of the kernel that waits", link("a.jsonl", "/proc/kmsg"), "a.jsonl", 1, ()),
    Place("a file of the kernel without size", link("a.jsonl", "/proc/version"), "a.jsonl", 1, ()),
    Place("the program's memory", link("a.jsonl", "/proc/self/mem"), "a.jsonl", 1, ()),
    Place("a file nobody may read", unreadable, "a.jsonl", 1, ("Permission denied",)),
    Place("a folder nobody may enter", closed_folder, "closed/a.jsonl", 1, ("Permission denied",)),
    Place("no suffix", write("rows"), "rows", 1, ("suffix that is not known: none",)),
    Place("another suffix", write("a.exe"), "a.exe", 1, ("suffix that is not known: .exe",)),
    Place("a suffix twice packed", write("a.jsonl.gz.gz"), "a.jsonl.gz.gz", 1, ("not known",)),
    Place("an archive", write("a.tar.gz"), "a.tar.gz", 1, ("not known: .tar",)),
    Place("capitals", write("A.JSONL"), "A.JSONL", 0),
    Place("out and in again", write("a.jsonl"), "../checkout/a.jsonl", 0),
    Place("a file of the system", nothing, "../../../../../../../../etc/passwd", 1,
          ("not known: none",)),
    Place("an address", nothing, "http://127.0.0.1:9/a.jsonl", 1, ("cannot read 'http:",)),
    Place("a file address", nothing, "file:///etc/passwd", 1, ("cannot read 'file:",)),
    Place("a drive", nothing, "C:\\a.jsonl", 1, ("no file matches",)),
    Place("a name that clears the screen", write("\x1b[2J\x1b[31m.jsonl", b"{\n" + SOUND),
          "*.jsonl", 0),
    Place("a name that clears the screen, cut", write("\x1b[2J.jsonl.gz", b"no"), "*.gz", 1,
          (r"\x1b[2J.jsonl.gz",)),
    Place("a name that clears the screen, unknown", write("\x1b[2J.exe"), "*.exe", 1,
          (r"\x1b[2J.exe",)),
    Place("a neighbour that clears the screen", write("\x1b]0;x\x07b.jsonl"), "b.jsonl", 1,
          (r"\x1b]0;x\x07b.jsonl",)),
    Place("a pattern that clears the screen", nothing, "\x1b[2J", 1, (r"\x1b[2J",)),
    Place("a name with an override", write("a\u202elnosj.jsonl", b"{\n"), "*.jsonl", 1,
          (r"a\u202elnosj.jsonl:1",)),
    Place("a name of two lines", write("a\ningest: all is well.jsonl", b"{\n"), "*.jsonl", 1,
          (r"a\ningest: all is well.jsonl:1",)),
    Place("a name of markup", write("<script>alert(1)<.jsonl"), "*.jsonl", 0),
    Place("a name of a formula", write("=1+1.jsonl"), "=1+1.jsonl", 0),
    Place("a name like an option", write("--help.jsonl"), "--help.jsonl", 0),
    Place("a name like a glob", write("[a].jsonl"), "[a].jsonl", 0),
    Place("a name of 250 characters", write("n" * 244 + ".jsonl"), "n*.jsonl", 0),
    Place("a name too long", nothing, "n" * 5000 + ".jsonl", 1, ()),
    Place("a name with a NUL", nothing, "a\0b.jsonl", 1, ()),
    Place("a name that is not UTF-8", lambda root: (root / os.fsdecode(b"\xff.jsonl")).touch(),
          "*.jsonl", 1, ("a file name is not UTF-8",)),
    Place("an empty pattern", nothing, "", 1, ()),
    Place("a pattern of stars", write("a.jsonl"), "*" * 30 + ".jsonl", 0),
    Place("a pattern of folders", write("a.jsonl"), "**/" * 12 + "*.jsonl", 0),
]  # fmt: skip
