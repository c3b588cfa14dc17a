"""Hostile text made safe for a terminal: what would steer it is shown as an escape."""


def plain(text: object) -> str:
    """Make a text one harmless line: control, format and bidirectional characters as escapes."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in str(text)
    )


def plain_lines(text: object) -> str:
    """Make a text harmless line by line: as `plain`, but line ends stay."""
    return "\n".join(plain(line) for line in str(text).split("\n"))
