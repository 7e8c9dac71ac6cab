"""Where engines are kept: found when they are good for what is asked, built anew with the reason when they are not."""

import hashlib
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from animecam.cache import write_whole
from animecam.engines.alone import alone
from animecam.engines.build import Progress, build_engine, quiet
from animecam.engines.flavour import Flavour
from animecam.engines.key import (
    NO_TF32,
    RECORD_SUFFIX,
    EngineKey,
    EngineParity,
    EngineRecord,
    EngineTypes,
    Target,
    gpu_word,
    read_record,
    timings_file,
)
from animecam.engines.network import Ports
from animecam.engines.refusal import forget_refusal, remember_refusal, remembered_refusal
from animecam.errors import BackendError, CacheError, DeviceMemoryError, EngineRefusedError

MAX_BATCH = 4
"""Pictures at a time that engines are built for: as many faces as are drawn unless the user asks for more."""

LEAST_PSNR_DB = 40.0
"""Below this an engine draws something else than its network: it is not used."""

ABSENT = "it is not there yet"

_UNREAD = EngineTypes({}, False, "not read back: there is no GPU here to load it")
_UNCOMPARED = EngineParity(None, 0, "not compared: there is no GPU here to run it")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that is good for what was asked.

    Attributes:
        path: Its file.
        data: Its content.
        record: What is known of it.
        is_new: It was built just now.
    """

    path: Path
    data: bytes
    record: EngineRecord
    is_new: bool


Check = Callable[[bytes, EngineKey, Path], tuple[EngineTypes, EngineParity]]
"""Loads an engine, reads its types back, runs and compares it; raises BackendError where it is not as it should.

The path is where the engine will lie; beside it a good one leaves what was compiled of it.
"""


def key_for(
    flavour: Flavour, target: Target | None, model: Path, ports: Ports, shape: tuple[int, ...], max_batch: int
) -> EngineKey:
    """What an engine of a network must be good for here.

    Args:
        flavour: The runtime.
        target: The GPU; None: those that tensorrt-rtx builds for.
        model: The network's file.
        ports: What goes in and out.
        shape: Of one picture.
        max_batch: Most pictures at a time, where the network leaves that free.
    """
    return EngineKey(
        onnx_sha256=hashlib.sha256(model.read_bytes()).hexdigest(),
        runtime=flavour.name,
        version=flavour.version,
        gpu=gpu_word(flavour, target),
        precision=ports.precision,
        shape=shape,
        max_batch=ports.input.shape[0] or max_batch,
        settings=NO_TF32,
    )


def network_name(model: Path) -> str:
    """What engines of a network are called: the style's folder and the file."""
    return f"{model.parent.name}-{model.stem}"


def problem_with(path: Path, key: EngineKey) -> str:
    """Why an engine is not good for a key, in words; empty when it is."""
    if not path.is_file():
        return ABSENT
    try:
        record = read_record(path.with_suffix(RECORD_SUFFIX))
        if differences := key.differences(record.key):
            return f"it was built for something else: {differences}"
        with path.open("rb") as file:
            is_whole = hashlib.file_digest(file, "sha256").hexdigest() == record.sha256
    except (OSError, ValueError) as error:
        return f"what is known of it cannot be read: {error}"
    return "" if is_whole else "its file is truncated or damaged"


_ONE_AT_A_TIME = threading.Lock()
"""Whoever comes second finds what the first one built: frames on the host and on the GPU want the same engine.

Other processes are kept apart by `alone`.
"""


class EngineStore:
    """The engines of one runtime in a folder.

    Args:
        flavour: The runtime.
        folder: Exists and can be written.
        check: Loads an engine and compares it with its network, once: when it is new, or was built where there is no
            GPU; None where there is none here.
        must_keep: An engine that cannot be written is an error, as when it is built for later; otherwise it serves this
            run, and the next one builds it anew.
    """

    def __init__(self, flavour: Flavour, folder: Path, check: Check | None = None, *, must_keep: bool = False) -> None:
        self._flavour, self._folder, self._check, self._must_keep = flavour, folder, check, must_keep

    def path(self, model: Path, key: EngineKey) -> Path:
        """Where the engine is, or would be."""
        return self._folder / key.file_name(network_name(model))

    def problem(self, model: Path, key: EngineKey) -> str:
        """Why there is no engine that is good for a key, in words; empty when there is one."""
        return problem_with(self.path(model, key), key)

    def engine(
        self, model: Path, key: EngineKey, progress: Progress = quiet, *, anew: str = "", try_again: bool = False
    ) -> Engine:
        """The engine for a key, built if there is none that is good for it; compared if it never was.

        Args:
            model: The network.
            key: What it must be good for.
            progress: Told how far a build is.
            anew: Why one that looks good must be built anew all the same; empty: no reason is known.
            try_again: Build one that was found wrong before.

        Raises:
            BackendError: It cannot be built, is of other types than promised, or does not draw what its network draws;
                or so it was when it was last built.
            CacheError: It cannot be written, and must be kept.
        """
        path = self.path(model, key)
        with _ONE_AT_A_TIME:
            there = None if anew or self.problem(model, key) else _still_there(path, key)
            if there is not None and not self._must_compare(there):
                return there
            before = _written_ns(path)
            with alone(path, lambda: not progress(0.0)) as is_alone:
                if not is_alone:
                    raise BackendError(f"the build of {model.name} was ended before it began")
                is_as_it_was = _written_ns(path) == before  # else another process has built it meanwhile
                problem = (is_as_it_was and anew) or self.problem(model, key)
                if not problem:
                    found = _found(path)
                    if not self._must_compare(found):
                        return found
                    try:
                        return self._compared(found)
                    except (DeviceMemoryError, EngineRefusedError):
                        raise
                    except BackendError as error:  # another GPU's, for instance: one that is built here may run
                        problem = error.message
                refused = remembered_refusal(path, key)
                if refused and not anew and not try_again:
                    raise BackendError(refused, hint="update runtime and driver; animecam build tries again")
                return self._built(path, model, key, progress, problem)

    def _built(self, path: Path, model: Path, key: EngineKey, progress: Progress, problem: str) -> Engine:
        if problem != ABSENT:
            log.warning("engine %s is built anew: %s", path.name, problem)
        timings = self._folder / timings_file(key)
        built = build_engine(self._flavour, model, key, progress=progress, timings=timings)
        types, parity = self._checked(built.data, key, path)
        record = EngineRecord(
            key=key,
            sha256=hashlib.sha256(built.data).hexdigest(),
            built=datetime.now(UTC).date().isoformat(),
            seconds=round(built.seconds, 1),
            layers=built.layers,
            types=types,
            parity=parity,
        )
        try:
            self._write(path, built.data)
            self._write(path.with_suffix(RECORD_SUFFIX), record.to_json().encode())
        except CacheError as error:
            if self._must_keep:
                raise
            log.warning("%s: it serves this run alone; %s", error.message, error.hint)
        return Engine(path, built.data, record, is_new=True)

    def _must_compare(self, found: Engine) -> bool:
        """Whether it was built without a GPU, and there is one here."""
        return self._check is not None and not found.record.is_compared

    def _compared(self, found: Engine) -> Engine:
        """An engine that was built without a GPU and copied here, with what a check says of it in its record.

        Raises:
            EngineRefusedError: It is not what it should be; it is gone then, as if it had been built here.
            BackendError: It cannot be loaded or run.
        """
        log.info("engine %s was built without a GPU: it is compared now", found.path.name)
        note = found.path.with_suffix(RECORD_SUFFIX)
        try:
            types, parity = self._checked(found.data, found.record.key, found.path)
        except EngineRefusedError:
            for path in (found.path, note):
                with suppress(OSError):  # where it cannot go it is compared at every start
                    path.unlink()
            raise
        record = replace(found.record, types=types, parity=parity)
        try:
            self._write(note, record.to_json().encode())
        except CacheError as error:
            log.warning("%s: it is compared again at the next start; %s", error.message, error.hint)
        return replace(found, record=record)

    def _checked(self, data: bytes, key: EngineKey, path: Path) -> tuple[EngineTypes, EngineParity]:
        """What is known of an engine once it ran, if it can here.

        Raises:
            EngineRefusedError: It is not what it should be, which is remembered.
            BackendError: It cannot be loaded or run.
        """
        if self._check is None:
            return _UNREAD, _UNCOMPARED
        try:
            checked = self._check(data, key, path)
        except EngineRefusedError as error:  # what else may fail, another time may not
            remember_refusal(path, key, error.message)
            raise
        forget_refusal(path)
        return checked

    def _write(self, path: Path, data: bytes) -> None:
        try:
            write_whole(path, data)
        except OSError as error:
            message = f"cannot keep engine {path}: {error.strerror}"
            raise CacheError(message, hint="set XDG_CACHE_HOME to a folder of yours with space") from error


def _still_there(path: Path, key: EngineKey) -> Engine | None:
    """What was good for a key a moment ago; None if another process takes it away just now, or builds it anew."""
    try:
        found = _found(path)
    except (OSError, ValueError):
        return None
    is_whole = hashlib.sha256(found.data).hexdigest() == found.record.sha256
    return found if is_whole and found.record.key == key else None


def _found(path: Path) -> Engine:
    return Engine(path, path.read_bytes(), read_record(path.with_suffix(RECORD_SUFFIX)), is_new=False)


def _written_ns(path: Path) -> int:
    """When a file was written; 0 where there is none."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
