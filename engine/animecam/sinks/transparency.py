"""Which outputs can say that a pixel is not there."""

from collections.abc import Iterable
from pathlib import Path

from animecam.backgrounds import TRANSPARENT
from animecam.errors import UsageError
from animecam.settings import Look
from animecam.sinks.paths import OutputKind, output_kind

TRANSPARENT_EXTENSIONS = (".png", ".webp", ".gif")
_KINDS = (OutputKind.IMAGE, OutputKind.IMAGE_SEQUENCE, OutputKind.ANIMATION)


def refuse_opaque(outputs: Iterable[str], look: Look) -> None:
    """Refuses outputs that would show what a transparent background is to hide.

    Args:
        outputs: Where the frames go.
        look: What they look like.

    Raises:
        UsageError: The look has a transparent background, and an output stores no transparency.
    """
    if look.background != TRANSPARENT:
        return
    for uri in outputs:
        if output_kind(uri) not in _KINDS or Path(uri).suffix.lower() not in TRANSPARENT_EXTENSIONS:
            hint = "write to .png, .webp or .gif; elsewhere `background=green` can be keyed out"
            raise UsageError(f"{uri} cannot hold a transparent background", hint=hint)
