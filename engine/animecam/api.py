"""The program as a function: RGB picture in, drawn RGB picture out.

Example::

    from animecam import Stylizer

    with Stylizer("cel", strength=0.8) as stylize:
        drawn = stylize(picture)  # uint8 [H, W, 3], RGB
"""

import threading
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from numbers import Real
from typing import Unpack

import numpy as np

from animecam.backgrounds import TRANSPARENT
from animecam.cuda.current import context_kept
from animecam.drawing.networks import open_networks
from animecam.errors import FieldError, UsageError
from animecam.look_changes import LookBesideStyle, LookChanges, with_look
from animecam.named_colors import plain_color
from animecam.render.base import Render
from animecam.settings import Controls, Look, Settings
from animecam.styles.registry import find_style
from animecam.timing import Timing
from animecam.types import Color, Frame, Image, PixelFormat

_HINT = "give uint8 [H, W, 3]; of OpenCV's BGR pictures: picture[..., ::-1]"

NANOSECONDS = Fraction(1, 1_000_000_000)  # time base of pictures that come without a time of their own
CLOSE_SECONDS = 10.0  # longest wait for a picture that another thread draws; that one frees the networks then
MOST_SECONDS = 4e9  # of a picture's time: a clock that counts from 1970 is at less than half of it


class Stylizer:
    """Draws the people in pictures as anime characters; pictures of one video or camera go through one stylizer.

    Faces are followed from picture to picture, and lines, colours and places are steadied; `reset` begins anew. Close
    it, or use it as a context manager. Used by one thread at a time, which keeps the CUDA context that it has.

    Args:
        style: Name of a style, see `animecam styles`; None takes the default.
        settings: Everything else but `max_fps`; None takes the defaults.
        look: Fields of the look, as `change` takes them; they come before those of the settings.

    Raises:
        UsageError: A value is out of its range, or the settings are none.
        StyleError: There is no such style, or its file is damaged.
        BackendError: No runtime works here.
    """

    @context_kept()
    def __init__(
        self, style: str | None = None, *, settings: Settings | None = None, **look: Unpack[LookBesideStyle]
    ) -> None:
        changes = LookChanges(**look)
        if style is not None:
            changes["style"] = style
        settings = with_look(Settings() if settings is None else settings, changes)
        if settings.max_fps is not None:
            hint = "leave it out, and give it fewer pictures"
            raise FieldError(
                "max_fps", "is for runs that read a camera, and a stylizer draws what it is given", hint=hint
            )
        _refuse_transparent(settings.look.background)
        self._settings, self._controls = settings, Controls(settings.look)
        with ExitStack() as stack:
            self._networks = stack.enter_context(open_networks(settings))
            self._scene = stack.enter_context(ExitStack())
            self._render = self._begin_scene()
            self._stack = stack.pop_all()  # until here a failure closes what is open
        self._index = 0
        self._last_pts: int | None = None
        self._was_still = False
        self._is_closed = False
        self._at_work = threading.Lock()

    @property
    def look(self) -> Look:
        """The look that the next picture gets."""
        return self._controls.look

    def change(self, **changes: Unpack[LookChanges]) -> Look:
        """Replaces fields of the look, such as style, strength, scope, size_px, eyes, line, hair_tint, palette, mirror.

        `hair_tint=None` leaves hair as drawn.

        Raises:
            UsageError: A value is out of its range; the look stays as it was.
            StyleError: There is no such style, or its card is broken; the look stays as it was.
        """
        if isinstance(style := changes.get("style"), str):
            find_style(style)  # now, and not with the next picture, which could not be drawn
        _refuse_transparent(changes.get("background"))
        with_look(self._settings, changes)  # likewise: a picture behind persons may be one that was not given
        return self._controls.change(**changes)

    @context_kept()
    def __call__(self, picture: Image, *, time_s: float | None = None, is_still: bool = False) -> Image:
        """Draws one picture.

        Args:
            picture: RGB, uint8 [H, W, 3], any size; may be filled anew after the call.
            time_s: Its time in the video in seconds; None takes the present moment. One before the last one's begins
                another scene, as `reset` does.
            is_still: It has nothing to do with the pictures before and after it, as if `reset` came between, and is
                searched for small faces, too, which takes some tenths of a second. Up to `still_faces` of the settings
                are drawn, or `max_faces` where that is None.

        Returns:
            RGB, uint8 [H, W, 3], memory of its own.

        Raises:
            UsageError: It is no RGB picture, the time is none, the stylizer is closed, or another thread is within it.
        """
        if not isinstance(picture, np.ndarray):  # pyright: ignore[reportUnnecessaryIsInstance] - who calls may not know
            raise _no_array(picture)
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or picture.size == 0:
            raise UsageError(f"an array of {picture.dtype} {list(picture.shape)} is no RGB picture", hint=_HINT)
        if time_s is not None and (not isinstance(time_s, Real) or not abs(float(time_s)) <= MOST_SECONDS):
            raise UsageError(f"{time_s} is no time", hint="give seconds from the beginning of the video")
        now_ns = time.perf_counter_ns()
        pts = now_ns if time_s is None else round(time_s / NANOSECONDS)
        # A copy, as a search for faces may read it after this call has returned: 0.4 ms of 1920x1080.
        frame = Frame(
            planes=(np.array(picture, order="C"),),
            pixel_format=PixelFormat.RGB24,
            color=Color(full_range=True),
            rotation_deg=0,
            index=self._index,
            pts=pts,
            time_base=NANOSECONDS,
            captured_ns=now_ns,
            is_still=is_still,
        )
        with self._alone():
            if is_still or self._was_still or (self._last_pts is not None and pts < self._last_pts):
                self._render = self._begin_scene(is_still=is_still)
            self._last_pts, self._was_still = pts, is_still
            self._index += 1
            drawn = self._render(frame).frame
        return drawn.planes[0] if drawn is not frame else picture.copy()

    @context_kept()
    def reset(self) -> None:
        """Begins another scene: the faces, colours and drawings of the pictures until now are forgotten.

        Call it between pictures that have nothing to do with each other. The look stays, and networks stay open.

        Raises:
            UsageError: The stylizer is closed, or another thread is within it.
        """
        with self._alone():
            self._render = self._begin_scene()
            self._last_pts, self._was_still = None, False

    def _begin_scene(self, *, is_still: bool = False) -> Render:
        """A renderer that knows nobody, in the place of the last one: nothing that one remembers can be left over."""
        self._scene.close()
        return self._scene.enter_context(self._networks.rendering(Timing(), self._controls, is_live=not is_still))

    @contextmanager
    def _alone(self) -> Generator[None]:
        """Refuses a second thread for the length of the block, and everybody once the networks are freed."""
        if not self._at_work.acquire(blocking=False):
            raise UsageError("another thread draws with this stylizer", hint="give each thread a stylizer of its own")
        try:
            if self._is_closed:
                raise UsageError("this stylizer is closed", hint="call it within its with block")
            yield
        finally:
            self._at_work.release()
            if self._is_closed:  # whoever closed it may not have waited for this
                self._free_if_idle(wait_s=0.0)

    @context_kept()
    def close(self) -> None:
        """Frees the networks; may be called twice. A picture that another thread draws for longer frees them itself."""
        self._is_closed = True
        self._free_if_idle(wait_s=CLOSE_SECONDS)

    def _free_if_idle(self, wait_s: float) -> None:
        # Nothing may be freed under a call that draws, so the later of drawing and closing frees.
        if self._at_work.acquire(timeout=wait_s):
            try:
                self._stack.close()
            finally:
                self._at_work.release()

    def __enter__(self) -> "Stylizer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _refuse_transparent(background: str | None) -> None:
    if isinstance(background, str) and plain_color(background) == TRANSPARENT:
        raise UsageError("a stylizer's pictures have no transparency", hint='background="green" can be keyed out')


def _no_array(picture: object) -> UsageError:
    kind = type(picture)
    hint = f"numpy.asarray(picture.convert('RGB')) makes one of Pillow's pictures; {_HINT}"
    return UsageError(f"{kind.__module__}.{kind.__qualname__} is no NumPy array", hint=hint)
