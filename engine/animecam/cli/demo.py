"""`animecam demo`: the main job on a portrait that comes with the program, moved before a synthetic camera."""

import click

from animecam.cli.console import FigureLine, figure_table, results, show_note
from animecam.cli.options import look_options
from animecam.settings import Settings

CAMERA = "pattern:640x480@30"
SECONDS = 8.0


@click.command()
@click.option("--seconds", default=SECONDS, show_default=True, help="Length of the video.")
@click.option(
    "-o",
    "--output",
    default="animecam-demo.mp4",
    show_default=True,
    help="The video to write; an earlier one is replaced.",
)
@look_options
def demo(*, settings: Settings, seconds: float, output: str) -> None:
    """Films a bundled portrait live, as a camera would, into a video; shows it where there is a display."""
    from animecam.run.limit import Advisor
    from animecam.run.live_options import LiveOptions
    from animecam.run.session import run_live
    from animecam.sinks.display import find_display, is_answered

    display = find_display()
    has_window = display is not None and is_answered()
    if display is not None and not has_window:
        show_note(f"{display} is set, but nobody answers there: no window is shown")
    outputs = (output, "window:") if has_window else (output,)
    options = LiveOptions(CAMERA, outputs, seconds=seconds, overwrite=True, share_view=has_window)
    advisor = Advisor(settings)
    figures = run_live(options, settings, FigureLine, advisor)
    results.print(figure_table(figures, f"demo: {CAMERA}"))
    if advice := advisor.advice(figures):
        show_note(advice)
    show_note(f"wrote {output}")
