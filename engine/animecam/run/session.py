"""From settings to a run: opens what a run needs, runs it, closes it in reverse."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import replace
from pathlib import Path

from animecam.config import keep_look
from animecam.cuda.pixels import NO_GPU_VIDEO, GpuVideo
from animecam.drawing.networks import Networks, open_networks
from animecam.drawing.wardrobe import Wardrobe
from animecam.errors import UsageError
from animecam.render.placeholder import AWAY, STARTING, placeholder_frame
from animecam.run.limit import Advisor, slowness
from animecam.run.live_options import LiveOptions
from animecam.run.outputs import Outputs
from animecam.run.pacing import cut_at_s, told_fps
from animecam.run.panel import LivePanel
from animecam.run.parts import parts_told, tell_parts, tell_replaced
from animecam.run.passing import pass_by
from animecam.run.pipeline import Figures, Pipeline
from animecam.settings import Controls, Settings
from animecam.sinks.base import Sink
from animecam.sinks.opening import SinkOptions, open_sink
from animecam.sinks.options import AUTO
from animecam.sinks.pace import Pace
from animecam.sinks.paths import OutputKind, make_folder, output_kind
from animecam.sinks.recorder import Recorder
from animecam.sinks.standby import Standby
from animecam.sources.base import Source
from animecam.sources.camera import asked_format
from animecam.sources.microphone import Microphone, open_microphone
from animecam.sources.opening import SourceOptions, is_camera, local_path, open_source
from animecam.sources.returning import ReturningSource
from animecam.timing import Timing
from animecam.types import StreamFormat

Progress = Callable[[Figures], None]

Show = Callable[[Callable[[], str]], AbstractContextManager[Progress]]
"""Opens a display of figures, given what says what draws them."""

_CAMERAS = (OutputKind.V4L2, OutputKind.VIRTUALCAM)
_PLAYING = (OutputKind.WINDOW, OutputKind.STREAM, *_CAMERAS)  # somebody looks at them while the run goes on

log = logging.getLogger(__name__)


def run_live(options: LiveOptions, settings: Settings, show: Show, advisor: Advisor | None = None) -> Figures:
    """Runs a source live until it ends, the user stops it, or its time is over.

    Args:
        options: Where frames come from and go to.
        settings: The look and how it is computed.
        show: Opens a display of the figures.
        advisor: Is told with which look frames are dropped; None: nobody is.

    Returns:
        The figures of the whole run.

    Raises:
        AnimecamError: Something could not be opened, or failed on the way.
    """
    figures = _run_live(options, settings, show, advisor or Advisor(settings))
    if figures.is_interrupted:
        tell_parts(options.outputs)
    return figures


def _run_live(options: LiveOptions, settings: Settings, show: Show, advisor: Advisor) -> Figures:
    with ExitStack() as stack:
        source, cameras = _open_ends(stack, options)
        options.check_lasts(source.format)
        if not source.format.is_live:
            settings = replace(settings, **dict.fromkeys(options.live_only))
        settings.check_rates(source.uri, is_live=source.format.is_live)
        microphone = _open_microphone(stack, options.microphone, source)
        networks = stack.enter_context(open_networks(settings))
        networks.warm_up(source.format)
        controls = Controls(settings.look)
        recorder = Recorder(source.format, Path(), open_sink, microphone, options.audio_delay_ms or 0)
        wardrobe = Wardrobe(networks, source.format, settings.look.style)
        panel = LivePanel(
            controls,
            wardrobe.styles,
            wardrobe.why_not,
            recorder,
            networks.drawn_by,
            advise=lambda figures: slowness(figures, replace(settings, look=controls.look)),
            is_view_shared=options.is_view_shared,
            keep=lambda look: keep_look(look, settings.backdrop),
            backgrounds=settings.backgrounds,
        )
        sink_options = _sink_options(options, microphone, panel)
        if sink_options.audio_from is not None and not options.overwrite:
            tell_replaced(options.outputs)
        others = [uri for uri in options.outputs if output_kind(uri) not in _CAMERAS]
        is_played = not source.format.is_live and any(output_kind(uri) in _PLAYING for uri in options.outputs)
        outputs = opened_outputs(
            others,
            source.format,
            sink_options,
            before=(Pace(),) if is_played else (),
            after=(*cameras, recorder),
            is_view_shared=options.is_view_shared,
        )
        stack.enter_context(parts_told(options.outputs))  # once they are closed
        stack.enter_context(outputs)
        if options.has_window:
            stack.enter_context(wardrobe.filling())
        tell = stack.enter_context(show(lambda: networks.summary_of(controls.look)))

        def tell_all(figures: Figures) -> None:
            tell(figures)
            panel.post(figures)
            advisor.note(figures, controls.look)

        if not source.format.is_live:
            return run(source, networks, outputs, film_s=options.seconds, tell=tell_all, controls=controls)
        rate_fps = told_fps(source.format)
        return run(
            source, networks, outputs, seconds=options.seconds, tell=tell_all, controls=controls, rate_fps=rate_fps
        )


def _sink_options(options: LiveOptions, microphone: Microphone | None, panel: LivePanel) -> SinkOptions:
    read = local_path(options.source)
    return SinkOptions(
        audio_from=read if read is not None and read.is_file() else None,
        microphone=microphone,
        audio_delay_ms=options.audio_delay_ms or 0,
        reads=read,
        cut_s=cut_at_s(options.seconds),
        overwrite=options.overwrite,
        panel=panel,
    )


def _open_ends(stack: ExitStack, options: LiveOptions) -> tuple[Source, tuple[Sink, ...]]:
    """The source, and the virtual cameras among the outputs: these are open, and show something, as early as can be."""
    uris = [uri for uri in options.outputs if output_kind(uri) in _CAMERAS]
    cameras: tuple[Sink, ...] = ()
    if uris and is_camera(options.source):
        cameras = _open_standbys(stack, uris, asked_format(options.source_options))
    source = stack.enter_context(opened_source(options.source, options.source_options))
    if uris and not cameras:
        cameras = _open_standbys(stack, uris, source.format)
    if (uris or options.has_window) and source.format.is_live:  # somebody looks who can end the run himself
        away = placeholder_frame(source.format, AWAY)
        again = replace(options.source_options, like=source.format)  # what is open by now counts on it
        source = ReturningSource(source, lambda: open_source(options.source, again), away)
        stack.callback(source.close)
    return source, cameras


def _open_standbys(stack: ExitStack, uris: Sequence[str], format: StreamFormat) -> tuple[Sink, ...]:
    waiting = placeholder_frame(format, STARTING)
    cameras: list[Sink] = []
    for uri in uris:
        cameras.append(Standby(open_sink(uri, format), format, waiting))
        stack.callback(cameras[-1].close, complete=False)  # as a rule `Outputs` has closed it before
    return tuple(cameras)


def _open_microphone(stack: ExitStack, device: str | None, source: Source) -> Microphone | None:
    if device is None:
        return None
    if not source.format.is_live:
        raise UsageError(
            f"{source.uri} is no live source, so a microphone has nothing to go with",
            hint="animecam convert keeps the sound that a file has",
        )
    return stack.enter_context(open_microphone(device))


def run(
    source: Source,
    networks: Networks,
    outputs: Outputs,
    *,
    seconds: float | None = None,
    film_s: float | None = None,
    tell: Progress | None = None,
    controls: Controls | None = None,
    rate_fps: float | None = None,
    video: GpuVideo = NO_GPU_VIDEO,
) -> Figures:
    """One run over open parts, of nobody known yet; without controls the look stays, without a rate the network."""
    timing = Timing()
    is_live = source.format.is_live
    name = "" if is_live else source.uri
    with networks.rendering(timing, controls, is_live=is_live, rate_fps=rate_fps, video=video, name=name) as render:
        pipeline = Pipeline(source, render, outputs, timing, max_fps=networks.max_fps)
        return pipeline.run(seconds=seconds, film_s=film_s, on_tick=tell)


def opened_source(uri: str, options: SourceOptions) -> closing[Source]:
    """A source that is closed at the end of the block."""
    return closing(open_source(uri, options))


def opened_outputs(
    uris: Sequence[str],
    format: StreamFormat,
    options: SinkOptions,
    *,
    before: Sequence[Sink] = (),
    after: Sequence[Sink] = (),
    is_view_shared: bool = True,
) -> Outputs:
    """Opens all sinks, or none: when one cannot be opened those before it are closed unfinished.

    Args:
        uris: What to open.
        format: What the frames will be.
        options: How to write.
        before: Sinks that are open already, and get each frame before those that are opened here.
        after: The same, but after them.
        is_view_shared: As `Outputs` takes it.
    """
    sinks: list[Sink] = []
    try:
        for uri in uris:
            sinks.append(open_sink(uri, format, options))
    except BaseException as error:
        Outputs(sinks).abandon(error)
        raise
    return Outputs((*before, *sinks, *after), is_view_shared=is_view_shared)


def convert_file(
    source_path: Path,
    target: Path,
    networks: Networks,
    show: Callable[[StreamFormat], Progress],
    options: SinkOptions | None = None,
    video: GpuVideo | None = None,
    folder: Path | None = None,
    seconds: float | None = None,
) -> Figures:
    """Converts one video or picture with networks that stay open.

    Args:
        source_path: Video or still picture.
        target: File to write, of a kind that fits the source.
        networks: Open networks.
        show: Called once the source is open; gives the callable that takes the figures.
        options: How the target is written; its sound is the source's.
        video: What the GPU does of a video's way; None: whatever works there.
        folder: Made once the source is open, with those in it that lead to the target; None: the target's is there.
        seconds: How much of a video is converted, from its beginning; None: all of it.

    Returns:
        The figures; `is_interrupted` when the user stopped it.

    Raises:
        AnimecamError: The source cannot be read or the target not written.
    """
    if output_kind(str(target)) is not OutputKind.VIDEO:
        video = NO_GPU_VIDEO
    elif video is None:
        video = networks.gpu_video
    options = options or SinkOptions()
    encodes_on = video.encoder
    if options.codec != AUTO:
        video, encodes_on = replace(video, encoder=None), networks.gpu  # an encoder by name takes frames of the host
    with ExitStack() as stack:
        source = stack.enter_context(opened_source(str(source_path), SourceOptions(gpu=video.decoder)))
        options = replace(options, audio_from=source_path, cut_s=cut_at_s(seconds), gpu=encodes_on)
        if folder is not None:
            make_folder(target.parent, folder)
        tell = show(source.format)
        outputs = stack.enter_context(opened_outputs((str(target),), source.format, options))
        passed = pass_by(source, options.begun.unread if options.begun else 0, tell)
        if passed.is_interrupted:
            return passed

        def tell_all(figures: Figures) -> None:
            tell(figures.after(passed))

        return run(source, networks, outputs, film_s=seconds, tell=tell_all, video=video).after(passed)
