"""Words of commands that a message gives to be typed."""

import os
import re
import shlex
from pathlib import Path

_PLAIN = re.compile(r"[\w@%+=:,./\\~-]+", re.ASCII)  # which no shell of Windows takes for more than a part of a name


def as_word(text: str) -> str:
    """A name as one word of a command, in quotes where the shell of this system needs them."""
    if os.name != "nt":
        return shlex.quote(text)
    if _PLAIN.fullmatch(text):
        return text
    return '"' + re.sub(r"(\\*)$", r"\1\1", text) + '"'  # names hold no quotes; a \ before one would take it along


def mkdir_command(folder: Path) -> str:
    """What makes a folder and those above it that are missing, which Windows' own `mkdir` does unasked."""
    return f"mkdir {'' if os.name == 'nt' else '-p '}{as_word(str(folder))}"
