"""What is said of the unfinished parts of outputs, of this run or of an earlier one."""

import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from animecam.errors import SourceError
from animecam.sinks.claim import Claim
from animecam.sinks.paths import FILM_KINDS, Target, output_kind

log = logging.getLogger(__name__)


@contextmanager
def parts_told(outputs: Sequence[str]) -> Generator[None]:
    """Says it of outputs of which a run that ends before its time may have left a part."""
    try:
        yield
    except (KeyboardInterrupt, SourceError):
        tell_parts(outputs)
        raise


def tell_parts(outputs: Sequence[str]) -> None:
    """Says which of some outputs have an unfinished part on the disk."""
    for uri in outputs:
        if output_kind(uri) in FILM_KINDS and (part := Target.of(Path(uri)).partial).exists():
            log.warning("stopped before the end; what is done plays: %s", part)


def tell_replaced(outputs: Sequence[str]) -> None:
    """Says which unfinished parts of earlier runs make room: of a film, unlike of a camera, all can be made again."""
    for uri in outputs:
        if output_kind(uri) in FILM_KINDS and (place := Target.of(Path(uri))).partial.exists():
            Claim(place.partial, place.final).close()  # refuses what another run is writing
            log.warning("%s, left of a run that was stopped, is replaced", place.partial)
