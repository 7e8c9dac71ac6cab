"""A file in, a drawn file out: what `animecam convert` does with one of its inputs, as a function."""

import os
from collections.abc import Collection
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Unpack

from animecam.cuda.current import context_kept
from animecam.errors import SinkError
from animecam.file_address import as_path
from animecam.look_changes import LookChanges, with_look
from animecam.settings import STILL_FACES, Look, Quality, Settings, Unseen

if TYPE_CHECKING:
    from animecam.run.tally import Figures

FILE_SETTINGS = Settings(Look(unseen=Unseen.KEEP), max_faces=8, still_faces=STILL_FACES, quality=Quality.FULL)
"""Of a file, which waits for each of its frames: who converts it has seen it, a group has none bare, and the best
network draws."""


def file_settings(live: Settings, chosen: Collection[str] = ()) -> Settings:
    """The settings for files where others were made for live sources: what was chosen holds, the rest is `convert`'s.

    Args:
        live: For live sources.
        chosen: Names of fields, of the look or the settings, that were asked for, be it with the usual value.
    """
    if "max_faces" in chosen:
        chosen = {*chosen, "still_faces"}  # it is for pictures, too
    look = replace(live.look, **_of_files(FILE_SETTINGS.look, Look(), chosen))
    return replace(live, **_of_files(FILE_SETTINGS, Settings(), {"look", *chosen}), look=look)


def _of_files(files: Look | Settings, live: Look | Settings, chosen: Collection[str]) -> dict[str, Any]:
    """What is usual for files and not live, but for what was chosen."""
    names = {each.name for each in fields(files)}.difference(chosen)
    return {name: getattr(files, name) for name in names if getattr(files, name) != getattr(live, name)}


@context_kept()
def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
    overwrite: bool = False,
    **look: Unpack[LookChanges],
) -> "Figures":
    """Draws the people in a video or a picture as anime characters; sound is copied, time stamps are kept.

    Args:
        source: Video or picture, a file; a text may be its address, `file://…`.
        target: File to write, in a folder that is there; its ending says of what kind: .mp4, .mkv, .webm, .png, ….
        settings: The look and how it is computed; None takes the defaults of `animecam convert`.
        overwrite: A target that exists is replaced, once the new one is complete.
        look: Fields of the look, such as style, strength and scope; they come before those of the settings.

    Returns:
        The figures of the conversion, such as `frames_out` and `with_faces`.

    Raises:
        UsageError: A value is out of its range, or the target is the source or of no kind that can be written.
        StyleError: There is no such style, or its file is damaged.
        SourceError: The source cannot be read.
        SinkError: The target exists, or cannot be written.
        BackendError: No runtime works here.
        FaceError: The face detector cannot be set up.
        KeyboardInterrupt: Ctrl-C; what is done of a video stays beside the target, in a file that plays.
    """
    from animecam.drawing.networks import open_networks
    from animecam.run.session import convert_file
    from animecam.sinks.options import SinkOptions
    from animecam.sinks.paths import check_output
    from animecam.sinks.transparency import refuse_opaque

    settings = with_look(FILE_SETTINGS if settings is None else settings, look)
    settings.check_rates(str(source), is_live=False)
    source, target = as_path(source).absolute(), as_path(target).absolute()  # a name such as 0 is no camera here
    check_output(str(target), source, overwrite=True)
    refuse_opaque((str(target),), settings.look)
    if target.exists() and not overwrite:
        raise SinkError(f"{target} exists", hint="`overwrite=True` replaces it")
    with open_networks(settings) as networks:
        options = SinkOptions(overwrite=overwrite)
        figures = convert_file(source, target, networks, lambda _stream: lambda _figures: None, options)
    if figures.is_interrupted:
        raise KeyboardInterrupt
    return figures
