"""Compiles kernels with NVRTC, which needs neither a toolkit nor a GPU, and keeps what it made in the user's cache."""

# pyright: reportAttributeAccessIssue=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# cuda.bindings ships no type information.

import hashlib
import logging
from pathlib import Path
from typing import Any

from cuda.bindings import nvrtc

from animecam.cache import write_whole
from animecam.errors import ON_PROCESSOR, BackendError

OPTIONS = ("-std=c++17", "--extra-device-vectorization")
INSTALL = "pip install nvidia-cuda-nvrtc"

_MACHINE_CODE, _PTX = "sm_", "compute_"  # what NVRTC calls a GPU, by what it is to give
_TEN = 10  # NVRTC's numbers of GPUs: 89 is 8.9

log = logging.getLogger(__name__)


def compile_kernels(
    source: str, compute_capability: tuple[int, int], cache: Path | None = None, *, anew: bool = False
) -> bytes:
    """Machine code for one kind of GPU.

    Args:
        source: CUDA C++ with everything it needs.
        compute_capability: Major and minor, for instance (8, 9).
        cache: Folder in which the result is kept and looked for; None compiles anew.
        anew: What is kept is no good.

    Returns:
        A cubin; PTX for a GPU that is newer than NVRTC: its driver compiles that.

    Raises:
        BackendError: NVRTC is not installed, knows this GPU no more, or the source is wrong.
    """
    version = compiler_version()
    architecture = _architecture(compute_capability, version)
    options = (f"--gpu-architecture={architecture}", *OPTIONS)
    is_text = architecture.startswith(_PTX)
    suffix = "ptx" if is_text else "cubin"
    kept = None if cache is None else cache / f"kernels-{_key(source, options, version)}.{suffix}"
    if kept is not None and not anew and (found := _found(kept)):
        return found
    code = _compile(source, options, is_text=is_text)
    if kept is not None:
        _keep(kept, code)
    return code


def compiler_version() -> tuple[int, int]:
    """Major and minor of NVRTC.

    Raises:
        BackendError: It is not installed.
    """
    try:
        code, major, minor = nvrtc.nvrtcVersion()
    except RuntimeError as error:  # the bindings look for the library at the first call
        raise BackendError("the CUDA compiler NVRTC is not installed", hint=INSTALL) from error
    _check(code, "ask NVRTC for its version")
    return int(major), int(minor)


def _architecture(capability: tuple[int, int], version: tuple[int, int]) -> str:
    """What NVRTC is to compile for: the GPU itself, or the newest that it knows before it."""
    code, known = nvrtc.nvrtcGetSupportedArchs()
    _check(code, "ask NVRTC which GPUs it knows")
    asked = _TEN * capability[0] + capability[1]
    if asked in known:
        return f"{_MACHINE_CODE}{asked}"
    older = [one for one in known if one < asked]
    if not older:
        first = divmod(min(known), _TEN)
        message = (
            f"NVRTC {version[0]}.{version[1]} compiles for GPUs from compute capability {first[0]}.{first[1]} on, "
            f"and this one has {capability[0]}.{capability[1]}"
        )
        raise BackendError(message, hint=f"this GPU is too old for CUDA 13: {ON_PROCESSOR}")
    return f"{_PTX}{max(older)}"


def _key(source: str, options: tuple[str, ...], version: tuple[int, int]) -> str:
    text = "\n".join((source, *options, f"nvrtc {version[0]}.{version[1]}"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _compile(source: str, options: tuple[str, ...], *, is_text: bool) -> bytes:
    code, program = nvrtc.nvrtcCreateProgram(source.encode(), b"animecam.cu", 0, [], [])
    _check(code, "prepare kernels")
    try:
        (code,) = nvrtc.nvrtcCompileProgram(program, len(options), [option.encode() for option in options])
        if code != nvrtc.nvrtcResult.NVRTC_SUCCESS:
            raise BackendError(f"the kernels do not compile with {' '.join(options)}: {_report(program)}")
        code, size = nvrtc.nvrtcGetPTXSize(program) if is_text else nvrtc.nvrtcGetCUBINSize(program)
        _check(code, "read compiled kernels")
        compiled = bytes(size)  # the bindings fill it, as NVIDIA's own examples have it
        (code,) = nvrtc.nvrtcGetPTX(program, compiled) if is_text else nvrtc.nvrtcGetCUBIN(program, compiled)
        _check(code, "read compiled kernels")
        return compiled
    finally:
        nvrtc.nvrtcDestroyProgram(program)


def _report(program: object) -> str:
    """What the compiler says is wrong."""
    code, size = nvrtc.nvrtcGetProgramLogSize(program)
    _check(code, "read the compiler's report")
    text = bytes(size)
    (code,) = nvrtc.nvrtcGetProgramLog(program, text)
    _check(code, "read the compiler's report")
    return text.rstrip(b"\0\n").decode(errors="replace")


def _check(code: Any, doing: str) -> None:
    if code != nvrtc.nvrtcResult.NVRTC_SUCCESS:
        raise BackendError(f"cannot {doing}: {code.name}")


def _found(file: Path) -> bytes:
    """What is kept; empty where there is nothing, or nobody may read it."""
    try:
        return file.read_bytes()
    except OSError:
        return b""


def _keep(file: Path, compiled: bytes) -> None:
    try:
        write_whole(file, compiled)
    except OSError as error:
        log.warning("compiled kernels are not kept: %s", error.strerror)
