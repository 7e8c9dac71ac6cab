"""The styles to choose from, each with a small picture of what it does."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from animecam.errors import AnimecamError, StyleError
from animecam.types import Image
from animecam.web.seat import Engine
from animecam.web.studio import Studio

THUMBNAIL_PX = 256
HEAD_PX = (118, 6, 208)  # left, top and side of the head in the bundled portrait
JPEG_QUALITY = 88  # of 100: no visible blocks at a tenth of the size of a PNG


class StyleInfo(Protocol):
    """What the gallery says of a style."""

    @property
    def name(self) -> str:
        """By which it is chosen."""
        ...

    @property
    def description(self) -> str:
        """What it is, in one line."""
        ...

    @property
    def qualities(self) -> Sequence[str]:
        """The networks it has, the best first."""
        ...


class Gallery:
    """Makes each style's picture once, between the rounds of the studio.

    Args:
        studio: Draws them.
        styles: The styles, in the order of the gallery.
    """

    def __init__(self, studio: Studio, styles: Sequence[StyleInfo]) -> None:
        self.styles = tuple(styles)
        self.names = frozenset(style.name for style in styles)
        self._studio = studio
        self._thumbnails: dict[str, bytes] = {}
        self._drawing = asyncio.Lock()

    async def thumbnail(self, name: str) -> bytes:
        """The bundled portrait's head drawn in a style, as JPEG of 256 x 256 pixels.

        Raises:
            StyleError: There is no such style, or it cannot be drawn.
        """
        if name not in self.names:
            raise StyleError(f"there is no style {name[:40]!r}", hint="choose one of the gallery")
        async with self._drawing:  # one at a time: the live sessions come first
            if name not in self._thumbnails:

                def draw(engine: Engine) -> bytes:
                    return _jpeg(engine.draw(name)((_portrait_head(),))[0])

                self._thumbnails[name] = await asyncio.wrap_future(self._studio.run(draw))
        return self._thumbnails[name]

    async def warm_up(self) -> None:
        """Draws every style once, so that none is compiled in the middle of somebody's session."""
        for style in self.styles:
            try:
                await self.thumbnail(style.name)
            except AnimecamError:
                continue  # the page shows it without a picture; who chooses it is told what is wrong


def _portrait_head() -> Image:
    from animecam.portrait import load_portrait

    left_px, top_px, side_px = HEAD_PX
    return load_portrait()[top_px : top_px + side_px, left_px : left_px + side_px].copy()


def _jpeg(picture: Image) -> bytes:
    import cv2

    small = cv2.resize(picture, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
    encoded, data = cv2.imencode(".jpg", small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not encoded:
        raise StyleError("the picture of a style cannot be stored")
    return data.tobytes()
