"""The two packages that build and run engines, `tensorrt-rtx` and `tensorrt`, behind one value. Imports neither."""

# pyright: reportUnknownMemberType=false
# The bindings ship no type information.

import functools
import importlib
import importlib.util
import logging
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from animecam.errors import NEED_LESS_MEMORY, ON_PROCESSOR, BackendError, DeviceMemoryError
from animecam.once import tell_once

Capability = tuple[int, int]
"""Compute capability of a GPU, major and minor."""

RTX, CLASSIC = "tensorrt-rtx", "tensorrt"
MODULES = {RTX: "tensorrt_rtx", CLASSIC: "tensorrt"}
"""Package → module; RTX first: it is small, and builds in seconds for every GPU at once."""

OLDEST = {RTX: (1, 4), CLASSIC: (10, 12)}
"""Versions from which on the bindings have all that is used here: no older tensorrt-rtx was ever tried, and before
10.12 tensorrt lacks user-managed memory and the profile API."""
RTX_LISTED: tuple[Capability, ...] = ((7, 5), (8, 0), (8, 6), (8, 9))
RTX_FROM: Capability = (12, 0)
"""Compute capabilities that tensorrt-rtx runs on: these and all from then on; not 8.7, and not 9.0 to 11.x."""
OLDEST_GPU: Capability = (7, 5)
"""Compute capability from which on either package, and CUDA 13, supports GPUs."""

INSTALL_RTX = "pip install 'animecam[tensorrt-rtx]'"
INSTALL_CLASSIC = "pip install 'animecam[tensorrt]'"
KEPT_MESSAGES = 3

_MEMORY_WORDS = ("out of memory", "outofmemory", "insufficient")
_DRIVER_WORDS = "driver version is insufficient"  # CUDA's, of a driver that is too old: that is no lack of memory

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Flavour:
    """An installed runtime.

    Attributes:
        name: `RTX` or `CLASSIC`.
        version: Of the package.
        api: Its module; both have the same classes.
        logger: What every object of the module is made with.
        messages: The newest errors that the runtime has told; a failed call returns None and says why here.
    """

    name: str
    version: str
    api: Any
    logger: Any
    messages: deque[str]

    @property
    def is_rtx(self) -> bool:
        """Whether its engines are made for all GPUs and finished on the user's."""
        return self.name == RTX

    def error(self, message: str, hint: str = "") -> BackendError:
        """A failure of a call, with what the runtime said about it last."""
        said = "; ".join(self.messages)
        self.messages.clear()
        return BackendError(f"{self.name}: {message}" + (f" ({said})" if said else ""), hint=hint)

    def failure(self, message: str, hint: str = "") -> BackendError:
        """As `error`, for what needs much memory: a DeviceMemoryError where the runtime speaks of that."""
        said = " ".join(self.messages).lower().replace(_DRIVER_WORDS, "")
        error = self.error(message, hint)
        if any(word in said for word in _MEMORY_WORDS):
            return DeviceMemoryError(error.message, hint=NEED_LESS_MEMORY)
        return error

    @contextmanager
    def fresh_messages(self) -> Generator[None]:
        """Within the block a failure is told with what was told there alone.

        A runtime complains of what it does without, such as tactics that find no memory: no reason of a later failure.
        """
        self.messages.clear()
        try:
            yield
        finally:
            self.messages.clear()


def rtx_supports(capability: Capability) -> bool:
    """Whether tensorrt-rtx lists a GPU of this compute capability."""
    return capability in RTX_LISTED or capability >= RTX_FROM


def installed() -> tuple[str, ...]:
    """The packages that are installed, without importing them."""
    return tuple(name for name, module in MODULES.items() if importlib.util.find_spec(module) is not None)


def choose_flavour(capability: Capability | None) -> Flavour:
    """The runtime for a GPU; where both are installed and the second choice is taken, the log says why.

    Args:
        capability: Of the GPU; None: there is none, and engines are built for GPUs elsewhere.

    Raises:
        BackendError: No package that supports this GPU is installed, or it cannot be imported.
    """
    if capability is not None and capability < OLDEST_GPU:  # before gigabytes are installed for nothing
        supported, given = (".".join(map(str, one)) for one in (OLDEST_GPU, capability))
        message = f"TensorRT supports GPUs from compute capability {supported} on, and this one has {given}"
        raise BackendError(message, hint=f"this GPU is too old: {ON_PROCESSOR}")
    names = installed()
    if not names:
        message = "neither tensorrt-rtx nor tensorrt is installed"
        raise BackendError(
            message, hint=INSTALL_RTX if capability is None or rtx_supports(capability) else INSTALL_CLASSIC
        )
    if capability is None:
        if RTX not in names:
            message = "without a GPU only tensorrt-rtx builds engines, and it is not installed"
            raise BackendError(message, hint=INSTALL_RTX)
        return load_flavour(RTX)
    if RTX in names and rtx_supports(capability):
        return _load_rtx(or_classic=CLASSIC in names)
    major, minor = capability
    listed = "(it lists 7.5, 8.0, 8.6, 8.9 and 12.x)"
    unsupported = f"{RTX} does not support compute capability {major}.{minor} {listed}"
    if CLASSIC not in names:
        raise BackendError(unsupported, hint=INSTALL_CLASSIC)
    if RTX in names:
        tell_once(log, logging.INFO, f"{CLASSIC} is taken: {unsupported}")
    return load_flavour(CLASSIC)


def _load_rtx(*, or_classic: bool) -> Flavour:
    """tensorrt-rtx; where it cannot be loaded tensorrt, if it is there."""
    try:
        return load_flavour(RTX)
    except BackendError as no_rtx:
        if not or_classic:
            raise
        try:
            classic = load_flavour(CLASSIC)
        except BackendError:
            raise no_rtx from None  # tensorrt is the second choice: what to mend is the first
        tell_once(log, logging.WARNING, f"{RTX} is not usable, {CLASSIC} is: {no_rtx.message}; {no_rtx.hint}")
        return classic


def other_flavour(flavour: Flavour) -> Flavour | None:
    """The runtime for what this one refuses on a GPU; None where there is no other."""
    if not flavour.is_rtx or CLASSIC not in installed():
        return None
    try:
        return load_flavour(CLASSIC)
    except BackendError as error:
        log.info("%s is no second choice: %s", CLASSIC, error.message)
        return None


@functools.cache
def load_flavour(name: str) -> Flavour:
    """Imports a runtime.

    Raises:
        BackendError: It is not installed, broken or too old.
    """
    try:
        api = importlib.import_module(MODULES[name])
    except (ImportError, OSError) as error:  # OSError: a library of it is missing
        hint = INSTALL_RTX if name == RTX else INSTALL_CLASSIC
        raise BackendError(f"{name} cannot be imported: {error}", hint=hint) from error
    version = str(api.__version__)
    oldest = OLDEST[name]
    if tuple(int(part) for part in version.split(".")[:2]) < oldest:
        needed = ".".join(map(str, oldest))
        raise BackendError(f"{name} {version} is too old, {needed} is needed", hint=f"pip install -U {name}")
    messages: deque[str] = deque(maxlen=KEPT_MESSAGES)
    return Flavour(name, version, api, _make_logger(api, messages), messages)


def _make_logger(api: Any, messages: deque[str]) -> Any:
    """Sends what the runtime says to our log; it must live as long as anything made with it."""
    severity = api.ILogger.Severity
    levels = {severity.WARNING: logging.INFO, severity.INFO: logging.DEBUG, severity.VERBOSE: logging.DEBUG}

    class PackageLogger(api.ILogger):
        def __init__(self) -> None:
            api.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            if severity not in levels:
                messages.append(message.strip().split("\n", 1)[0])
            log.log(levels.get(severity, logging.INFO), "%s", message)

    return PackageLogger()
