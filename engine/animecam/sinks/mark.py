"""The words in every file that say who drew it, so that a folder's own results are not drawn once more."""

from pathlib import Path

MARK = "made by animecam"
_COMMENT = "comment"  # a film's tag that all of its containers know; FFmpeg puts itself into that for programs
_ENDS_BYTES = 1 << 16  # at either end of a file; in one of them every kind says of itself what is no picture


def mark(tags: dict[str, str]) -> None:
    """Adds the mark to what a film says of itself; a comment that it has already stays before it."""
    key = next((tag for tag in tags if tag.casefold() == _COMMENT), _COMMENT)  # Matroska writes capitals
    comment = tags.get(key, "")
    if MARK not in comment:
        tags[key] = f"{comment}; {MARK}" if comment else MARK


def is_marked(path: Path) -> bool:
    """Whether a file says that it was made here; one that cannot be read does not."""
    try:
        with path.open("rb") as file:
            head = file.read(_ENDS_BYTES)
            file.seek(max(len(head), path.stat().st_size - _ENDS_BYTES))
            return MARK.encode() in head or MARK.encode() in file.read(_ENDS_BYTES)
    except OSError:
        return False
