"""`animecam --device 0`: a camera, stream or file shown live, to one or several outputs."""

import re
from difflib import get_close_matches

import click
from click.core import ParameterSource

import animecam
from animecam.cli.config import ConfiguredGroup, no_config_option
from animecam.cli.console import FigureLine, figure_table, messages, results, set_up_logging, show_note
from animecam.cli.inputs import READABLE_SUFFIXES
from animecam.cli.options import look_options, overwrite_option
from animecam.errors import UsageError
from animecam.settings import Settings
from animecam.shell import as_word
from animecam.sources.addresses import public_uri

DEFAULT_OUTPUT = "window:"


class _Group(ConfiguredGroup):
    """The live run and the commands; who names a source or almost a command where one is expected is told how."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As `click.Group.resolve_command`.

        Raises:
            UsageError: The first word is no command, and it can be guessed what was meant.
        """
        word = args[0]
        if self.get_command(ctx, word) is None and (hint := _meant(word, self.list_commands(ctx))):
            raise UsageError(f"{public_uri(word)} is no command", hint=hint)
        return super().resolve_command(ctx, args)


def _meant(word: str, commands: list[str]) -> str:
    """What somebody may have wanted who wrote a word for a command; empty if nobody knows."""
    from animecam.sources.opening import is_camera, local_path, names_no_camera

    if is_camera(word):
        return f"animecam --device {as_word(word)}"
    path = local_path(word)
    if path is not None and (path.exists() or path.suffix.lower() in READABLE_SUFFIXES):
        return f"animecam convert {as_word(word)}"
    if names_no_camera(word):
        return f"animecam --input {as_word(public_uri(word))}"
    return "".join(f"did you mean animecam {near}?" for near in get_close_matches(word, commands, n=1))


@click.group(cls=_Group, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(animecam.__version__, prog_name="animecam")
@click.option("-v", "--verbose", is_flag=True, help="Say more about what runs and why.")
@click.option("--device", metavar="N|PATH", help="Camera by number or path; see: animecam devices.")
@click.option(
    "--input", "uri", metavar="URI", help="Instead of a camera: rtsp://…, http://…, FILE, pattern:640x480@30."
)
@click.option(
    "--output",
    "outputs",
    multiple=True,
    metavar="URI",
    help="window:, null:, FILE, v4l2:///dev/videoN, virtualcam:[NAME], rtmp://…, udp://…; may be given several times. "
    "[default: window:]",
)
@click.option(
    "--audio",
    "microphone",
    is_flag=False,
    flag_value="default",
    metavar="[DEVICE]",
    help="Record a microphone's sound, too: the system's, one by name, or tone:440. [default: no sound]",
)
@click.option(
    "--audio-delay",
    "audio_delay_ms",
    type=int,
    metavar="MS",
    help="Move that sound later than the picture by this, below 0 earlier; -2000 to 2000. [default: 0]",
)
@click.option("--resolution", metavar="WxH", help="Picture size to ask of the camera.")
@click.option("--fps", type=float, help="Frames per second to ask of the camera.")
@click.option("--seconds", type=float, help="Stop after this time, or after so much of a film.")
@click.option(
    "--share-view",
    is_flag=True,
    help="All outputs show mirror, before/after and boxes. [default: the window alone, where there is one]",
)
@overwrite_option
@no_config_option
@look_options
@click.pass_context
def group(
    context: click.Context,
    *,
    settings: Settings,
    verbose: bool,
    device: str | None,
    uri: str | None,
    outputs: tuple[str, ...],
    microphone: str | None,
    audio_delay_ms: int | None,
    resolution: str | None,
    fps: float | None,
    seconds: float | None,
    share_view: bool,
    overwrite: bool,
) -> None:
    """Turns the people before a camera into anime characters.

    \b
    animecam --device 0                              the webcam, in a window
    animecam --device 0 --output v4l2:///dev/video9  as a virtual camera
    animecam convert clip.mp4 -o anime.mp4           a video
    """  # noqa: D301 - \b is Click's mark for a paragraph not to be wrapped
    set_up_logging(verbose=verbose)
    if context.invoked_subcommand is not None:
        _refuse_options_before(context)
        return
    if not (device or uri):
        if _given(context):
            hint = "--device 0, or --input FILE; animecam devices lists the cameras"
            raise UsageError("no source is named", hint=hint)
        results.print(context.get_help(), markup=False)
        return
    source, resolution_px = _source(device, uri), parse_resolution(resolution)

    from animecam.run.limit import Advisor
    from animecam.run.live_options import LiveOptions
    from animecam.run.session import run_live
    from animecam.sinks.transparency import refuse_opaque

    options = LiveOptions(
        source=source,
        outputs=outputs or (DEFAULT_OUTPUT,),
        resolution_px=resolution_px,
        fps=fps,
        seconds=seconds,
        overwrite=overwrite,
        microphone=microphone,
        audio_delay_ms=audio_delay_ms,
        share_view=share_view,
        live_only=_rates_from_file(context),
    )
    refuse_opaque(options.outputs, settings.look)
    figures = run_live(options, settings, FigureLine, advisor := Advisor(settings))
    messages.print(figure_table(figures, "live"))
    if advice := advisor.advice(figures):
        show_note(advice)


def _source(device: str | None, uri: str | None) -> str:
    """The URI of the one source that is named.

    Raises:
        UsageError: There are two, or the device is no camera.
    """
    if device is None:
        return uri or ""
    if uri is not None:
        raise UsageError("--device and --input name two sources", hint="give one of them")
    from animecam.sources.opening import CAMERA_PREFIX, names_no_camera

    if names_no_camera(device):
        raise UsageError(f"{public_uri(device)} is no camera", hint=f"--input {as_word(public_uri(device))}")
    return device if device.lower().startswith(CAMERA_PREFIX) else f"{CAMERA_PREFIX}{device}"


def _refuse_options_before(context: click.Context) -> None:
    """Options of the live run mean nothing to another command: refused, not dropped.

    Raises:
        UsageError: An option other than --verbose stands before the command.
    """
    command = context.invoked_subcommand
    for option in _given(context):
        hint = f"animecam {command} {option} …, if {command} has it"
        raise UsageError(f"{option} stands before {command}", hint=hint)


def _given(context: click.Context) -> list[str]:
    """The options on the command line, not those of the settings file, and not --verbose, which asks for nothing."""
    sources = {option.opts[0]: context.get_parameter_source(option.name or "") for option in context.command.params}
    return [name for name, source in sources.items() if source is ParameterSource.COMMANDLINE and name != "-v"]


def _rates_from_file(context: click.Context) -> tuple[str, ...]:
    """The rates that the settings file sets: defaults, which a source that is not live does without."""
    rates = ("target_fps", "max_fps")
    return tuple(name for name in rates if context.get_parameter_source(name) is ParameterSource.DEFAULT_MAP)


def parse_resolution(text: str | None) -> tuple[int, int] | None:
    """Reads `1280x720` as (1280, 720) pixels; None stays None.

    Raises:
        UsageError: The text is no resolution.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if match is None:
        raise UsageError(f"{text!r} is no resolution", hint="write it as 1280x720")
    return int(match[1]), int(match[2])
