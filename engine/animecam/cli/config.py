"""Defaults from the settings file, for the commands that read it: the live run, convert and serve."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeAlias

import click
from click.core import ParameterSource

from animecam.cli.options import told_as_options
from animecam.config import LIVE_TABLE, as_toml, config_path, read_config
from animecam.errors import AnimecamError, BackendError, ConfigError, FaceError, StyleError
from animecam.settings import Look, Quality, Settings
from animecam.sources.options import SourceOptions
from animecam.web.options import MIB, Limits, ServeOptions

Value: TypeAlias = str | bool | int | float

Kept: TypeAlias = dict[str, Value]
"""Option without its dashes → what the file sets it to."""

_ASKED_EACH_TIME = frozenset(
    {"version", "verbose", "no_config"}  # about one start
    | {"device", "uri", "output", "outputs", "seconds", "overwrite", "codec", "crf"}  # about one source or output
    | {"microphone", "share_view", "keep_location"}  # these show others more than a drawing
)
# What is right live would draw a film's empty rooms, and hide its places.
_ONLY_IN_OWN_TABLE = {"convert": frozenset({"unseen", "background"})}
_STANDS_ASIDE = {
    "resolution": {"uri"},  # both are asked of a camera
    "fps": {"uri"},
    "certificate": {"plain"},
    "key": {"plain", "certificate"},
    "plain": {"certificate"},
    "gpus": {"gpu", "backend"},
    "backend": {"gpus"},
}
"""Parameter → those that, typed, say something else than what the file says of it."""

_HOLDS_BESIDE = {"audio_delay_ms": "microphone"}
"""Parameter → the one without which, typed, the file's value has no meaning."""

_SECRETS = frozenset({"token"})
_NEAR = 0.6  # of difflib: what is less alike is another word


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """What a settings file sets, each value checked.

    Attributes:
        path: Where it is.
        top: For all commands that have the option.
        tables: For one command each, live, convert and serve.
    """

    path: Path
    top: Kept
    tables: Mapping[str, Kept]

    def defaults(self, name: str, typed: Mapping[str, Any]) -> dict[str, Value]:
        """Parameter → default of one command, but for what is typed, or contradicts that.

        Raises:
            ConfigError: The style, which is not typed, does not exist.
            StyleError: That which is typed does not.
        """
        options = _options(_commands()[name])
        kept = {key: value for key, value in self.top.items() if key not in _ONLY_IN_OWN_TABLE.get(name, ())}
        kept |= self.tables[name]
        found: dict[str, Value] = {}
        for key, value in kept.items():
            parameter = (key in options and options[key].name) or ""
            is_left_out = not parameter or parameter in typed or _STANDS_ASIDE.get(parameter, set()) & typed.keys()
            if not is_left_out and _HOLDS_BESIDE.get(parameter, "") in ("", *typed):
                found[parameter] = value
        if "style" in found:
            check_style(self.path, found["style"])
        elif "quality" in found and "style" in typed and not _has(typed["style"], found["quality"]):
            del found["quality"]
        return found

    def __str__(self) -> str:
        groups = [", ".join(_shown(key, value) for key, value in self.top.items())]
        for name, kept in self.tables.items():
            if kept:
                groups.append(f"[{name}] " + ", ".join(_shown(key, value) for key, value in kept.items()))
        return "; ".join(filter(None, groups)) or "sets nothing"


class ConfiguredCommand(click.Command):
    """A command that takes its defaults from the settings file."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As `click.Command.parse_args`, once the file is read."""
        if not ctx.resilient_parsing:
            typed, rest, _ = self.make_parser(ctx).parse_args(list(args))
            help_option = self.get_help_option(ctx)  # what it is called depends on click's version
            is_help = help_option is not None and help_option.name in typed
            if not is_help and self.reads_file(typed, rest) and (file := read_settings_file()) is not None:
                name = next(name for name, command in _commands().items() if command is self)
                ctx.default_map = file.defaults(name, typed)
        return super().parse_args(ctx, args)

    def reads_file(self, typed: Mapping[str, Any], rest: list[str]) -> bool:  # noqa: ARG002 - for those who need it
        """Whether the file matters for a command line: its parameters, and the words after them."""
        return not {"no_config", "version"} & typed.keys()

    def invoke(self, ctx: click.Context) -> Any:
        """As `click.Command.invoke`; an error about what the file sets says so."""
        try:
            return super().invoke(ctx)
        except AnimecamError as error:
            for key, option in _options(self).items():
                value = ctx.params.get(option.name or "")
                value = str(value) if isinstance(value, Path) else value  # as it stands in the file
                is_from_file = ctx.get_parameter_source(option.name or "") is ParameterSource.DEFAULT_MAP
                if is_from_file and _is_about(error, key, value):
                    error.add_note(f"{config_path()} sets {_shown(key, value)}")
            raise


class ConfiguredGroup(ConfiguredCommand, click.Group):
    """The same for the live run, whose options stand where commands may follow that read no file."""

    def reads_file(self, typed: Mapping[str, Any], rest: list[str]) -> bool:
        """As `ConfiguredCommand.reads_file`: not without a source."""
        return super().reads_file(typed, rest) and not rest and bool({"device", "uri"} & typed.keys())


no_config_option = click.option(
    "--no-config", is_flag=True, expose_value=False, help="Start without the settings file; see docs/config.md."
)


def read_settings_file() -> SettingsFile | None:
    """Reads and checks the user's settings file; None where there is none.

    Raises:
        ConfigError: It cannot be read, is not TOML, or what stands in it does not make sense.
    """
    path = config_path()
    found = read_config(path)
    if found is None:
        return None
    commands = _commands()
    options = {name: _options(command) for name, command in commands.items()}
    tables: dict[str, Kept] = {}
    for name in commands:
        if not isinstance(found.get(name, {}), dict):
            raise ConfigError(f"{path}: {name} is no table", hint=f"its settings stand below a line [{name}]")
        tables[name] = _checked(f"{path}: [{name}] ", found.pop(name, {}), options[name])
    shared = {
        key: option
        for key, option in options[LIVE_TABLE].items()
        if any(option.name == other.name for name in commands if name != LIVE_TABLE for other in commands[name].params)
    }
    for key, value in found.items():
        if isinstance(value, dict) and key not in shared:
            hint = f"tables are {', '.join(f'[{name}]' for name in commands)}; other commands read none"
            raise ConfigError(f"{path}: there is no table [{key}]", hint=hint)
        for name in commands:
            if key not in shared and key in options[name]:
                raise ConfigError(f"{path}: {key} is for {name} alone", hint=f"write it below a line [{name}]")
    return SettingsFile(path, _checked(f"{path}: ", found, shared), tables)


def check_style(path: Path, name: Value) -> None:
    """Refuses a style that is set by the file and does not exist.

    Raises:
        ConfigError: There is none, or its card is broken.
    """
    from animecam.styles.registry import find_style

    try:
        find_style(str(name))
    except StyleError as error:
        raise ConfigError(f"{path}: style: {error.message}", hint=error.hint) from error


def _has(style: str, quality: Value) -> bool:
    from animecam.styles.registry import find_style

    return quality == Quality.AUTO or any(quality == one.quality for one in find_style(style).card.variants)


def _commands() -> dict[str, click.Command]:
    from animecam.cli import convert, live, serve  # which are made with what is here

    return {LIVE_TABLE: live.group, "convert": convert.convert, "serve": serve.serve}


def _options(command: click.Command) -> dict[str, click.Option]:
    """The options of a command that may stand in the file, by their keys."""
    return {
        key: option
        for key, option in _all_options(command).items()
        if option.name not in _ASKED_EACH_TIME and not option.hidden
    }


def _all_options(command: click.Command) -> dict[str, click.Option]:
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    return {next(word for word in option.opts if word.startswith("--"))[2:]: option for option in options}


def _checked(where: str, found: Mapping[str, Any], options: Mapping[str, click.Option]) -> Kept:
    """What stands in the file or a table of it, as it stands there.

    Raises:
        ConfigError: A key is unknown, or a value is of another kind or out of range.
    """
    for key, value in found.items():
        if key not in options:
            raise _unknown(where, key, options)
        option = options[key]
        kinds, wanted = _kind_of(option)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            example = {bool: "true", int: "256" if key == "size" else "2", float: "0.5", str: '"…"'}[kinds[0]]
            raise ConfigError(f"{where}{key} is to be {wanted}", hint=f"for example {key} = {example}")
        try:
            option.type.convert(value, option, None)
            _check_range(option.name or "", value)
        except click.BadParameter as error:
            message = f"{where}{key}: {error.message.rstrip('.')}"
            raise ConfigError(message, hint=f"it takes what --{key} takes; see --help") from error
        except AnimecamError as error:
            hint = error.hint.replace("--", "")  # keys have no dashes
            raise ConfigError(f"{where}{error.message}", hint=hint) from error
    return dict(found)


def _unknown(where: str, key: str, options: Mapping[str, click.Option]) -> ConfigError:
    everywhere = {name: option for command in _commands().values() for name, option in _all_options(command).items()}
    if key in everywhere and everywhere[key].name in _ASKED_EACH_TIME:
        return ConfigError(f"{where}{key} cannot stand there: it is asked for anew each time", hint=f"type --{key} …")
    near = difflib.get_close_matches(key, options, 1, _NEAR)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(options)}"
    return ConfigError(f"{where}{key} is no setting there", hint=hint)


def _kind_of(option: click.Option) -> tuple[tuple[type, ...], str]:
    """The types of TOML that an option takes, and their name; the first is the usual one."""
    if option.is_flag:
        return (bool,), "true or false"
    if isinstance(option.type, type(click.INT)):
        return (int,), "a whole number"
    if isinstance(option.type, type(click.FLOAT)):
        return (float, int), "a number"
    return (str,), "text in quotes"


@told_as_options()
def _check_range(name: str, value: Any) -> None:
    given = {name: value}
    for kind in (Look, Settings):
        if name in (field.name for field in fields(kind)) and name != "background":  # which may be a picture's path
            kind(**given)
    match name:
        case "host" | "port" | "token":
            ServeOptions(**given)
        case "max_sessions" | "max_minutes":
            Limits(**{name.removeprefix("max_"): value})
        case "max_upload":
            Limits(upload_bytes=value * MIB)
        case "resolution" | "max_resolution":
            _check_resolution(name, value)
        case "fps":
            SourceOptions(fps=value)
        case "audio_delay_ms":
            from animecam.run.live_options import check_audio_delay

            check_audio_delay(value)
        case _:
            pass


def _check_resolution(name: str, value: str) -> None:
    from animecam.cli.live import parse_resolution  # which is made with what is here

    width_px, height_px = parse_resolution(value) or (None, None)
    given: dict[str, Any] = {"width_px": width_px, "height_px": height_px}
    (Limits if name == "max_resolution" else SourceOptions)(**given)


def _is_about(error: AnimecamError, key: str, value: object) -> bool:
    """Whether an error names a setting, or the text it is set to; a backend's or detector's is about its choice."""
    if isinstance(error, {"backend": BackendError, "detector": FaceError}.get(key, ())):
        return True
    told = error.message.replace("--", "")
    words = [key, *([value] if isinstance(value, str) and value and key not in _SECRETS else [])]
    return any(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", told) for word in words)


def _shown(key: str, value: Any) -> str:
    return f"{key} = …" if key in _SECRETS else f"{key} = {as_toml(value)}"
