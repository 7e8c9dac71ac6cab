"""One family of errors: each says in one line what is wrong, and in a hint what to do about it."""


class AnimecamError(Exception):
    """A failure that the user can understand and often mend.

    Args:
        message: What is wrong, one line, naming the file, device or option.
        hint: What to do about it, one line; empty when there is nothing to do. A setting stands in it as in Python, in
            backticks: the command line puts its option there (`animecam.wording`).
    """

    exit_status = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(AnimecamError):
    """The command line or an option does not make sense."""

    exit_status = 2


class FieldError(UsageError):
    """A field of the look or the settings does not make sense; a command line has another name for it.

    Args:
        field: Its name in Python.
        problem: What is wrong with it, which the message says after the name.
        hint: As for `AnimecamError`.
    """

    def __init__(self, field: str, problem: str, *, hint: str = "") -> None:
        super().__init__(f"{field} {problem}", hint=hint)
        self.field = field
        self.problem = problem


class ConfigError(UsageError):
    """The settings file cannot be read or written, or what stands in it does not make sense."""


class SourceError(AnimecamError):
    """A camera, file or stream cannot be opened or read."""


class SinkError(AnimecamError):
    """An output cannot be opened, written or finished."""


class BackendError(AnimecamError):
    """An inference runtime is missing or refuses a model."""


class DeviceMemoryError(BackendError):
    """The memory of a GPU is full."""


class HostMemoryError(DeviceMemoryError):
    """Memory of the host that a GPU can reach is short: the GPU is of no use either, but less of its memory no help."""


NEED_HOST_MEMORY = "end other programs; a container or WSL may have a limit for it, which can be raised"
"""The hint where it is the host's."""

NEED_LESS_MEMORY = "use fewer faces (`max_faces`), a smaller size (`size_px`), or end other programs on this GPU"
"""The hint where all that a run has on a GPU counts."""


ON_PROCESSOR = 'use `backend="openvino"` or `backend="onnxruntime"`'
"""The hint where a GPU, or what would compute on it, is of no use."""


class EngineRefusedError(BackendError):
    """An engine was built and is not what it should be; building it again gives the same."""


class StyleError(AnimecamError):
    """A style is damaged or not a picture-to-picture network."""


class StyleChoiceError(StyleError):
    """There is no style of that name, or it lacks the network that was asked for."""

    exit_status = UsageError.exit_status


class FaceError(AnimecamError):
    """A face detector cannot be set up, or found nobody in a whole video."""


class CacheError(AnimecamError):
    """The folder for compiled networks cannot be used."""


class PipelineError(AnimecamError):
    """The pipeline itself did not end as it should."""
