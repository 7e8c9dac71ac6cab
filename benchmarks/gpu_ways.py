"""The ways to compute a style's network on a GPU that are compared, as far as they are installed."""

# pyright: reportAttributeAccessIssue=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false
# Neither cuda.bindings nor onnxruntime ships types that tell all.

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from time import perf_counter, sleep
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from measuring import say

from animecam.backends.base import Backend, BackendChoice, BackendInfo, BackendOptions, Settling, Tensor
from animecam.backends.device import DeviceNetwork
from animecam.backends.opening import INSTALL_TORCH, importing, open_backend
from animecam.cuda.base import Gpu
from animecam.engines.loader import EngineLoader
from animecam.errors import AnimecamError, BackendError
from animecam.faces.align import Pose
from animecam.render.base import Patch
from animecam.render.cpu import CpuImageOps
from animecam.render.masks import head_mask
from animecam.styles.card import Contract
from animecam.styles.pixels import decode, encode
from animecam.styles.registry import find_style, verified_half, verified_model
from animecam.types import Frame, Region

if TYPE_CHECKING:
    import torch

HALF_BYTES = 2
HEAD_SHARE = 0.4  # of the frame's height
HEAD_TILT = 0.1  # radians
COMPILED = "compiled"  # what the version of PyTorch's networks says then
COMPILE_SECONDS = 300  # longest wait for it
COMPILE_POLL_SECONDS = 0.05

Way: TypeAlias = Callable[[], object]
"""Computes the network once and waits for it."""


def heads(frame: Frame, size_px: int, count: int = 1) -> tuple[Region, ...]:
    """Heads side by side, a little turned."""
    side_px = HEAD_SHARE * frame.height_px
    step_px = frame.width_px / (count + 1)
    poses = [Pose(step_px * (i + 1), frame.height_px / 2, side_px, HEAD_TILT) for i in range(count)]
    return tuple(pose.region(i, size_px) for i, pose in enumerate(poses))


class CopyNetwork:
    """A network that draws what it is given: what is left is the cost of everything else."""

    info = BackendInfo("copy", "", "", "f16")
    max_batch = 4
    is_recordable = True

    def __init__(self) -> None:
        self._given = self._drawn = self._nbytes = 0

    def bind(self, input_address: int, output_address: int, *, batch: int, size_px: int) -> None:
        """As `DeviceNetwork.bind`."""
        self._given, self._drawn = input_address, output_address
        self._nbytes = batch * 3 * HALF_BYTES * size_px**2

    def enqueue(self, stream_handle: int) -> None:
        """As `DeviceNetwork.enqueue`."""
        from cuda.bindings import driver

        (code,) = driver.cuMemcpyDtoDAsync(self._drawn, self._given, self._nbytes, stream_handle)
        if code != driver.CUresult.CUDA_SUCCESS:
            raise BackendError(f"cannot copy on the GPU: {code.name}")

    def end(self) -> None:
        """As `DeviceNetwork.end`."""

    def close(self) -> None:
        """As `DeviceNetwork.close`."""


def network_ways(
    stack: ExitStack, device: Gpu, style: str, size_px: int, options: BackendOptions, frame: Frame
) -> dict[str, Way]:
    """What can be called here, by name; what cannot is left out and said.

    Args:
        stack: Closes what is opened.
        device: The GPU, in use.
        style: Whose network.
        size_px: Side of the picture.
        options: `gpu` and `cache_dir` are used.
        frame: What the naive form crops from and pastes into.
    """
    found = find_style(style)
    model, half = verified_model(found), verified_half(found)
    contract = found.card.contract
    batch = np.random.default_rng(0).uniform(-1, 1, (1, 3, size_px, size_px)).astype(np.float32)
    as_it_is = replace(options, allow_compiling=False)
    openers: dict[str, Callable[[], Way]] = {
        "TensorRT": lambda: _ours(stack, BackendChoice.TENSORRT, options, batch, model, half),
        "torch, half, graph": lambda: _ours(stack, BackendChoice.TORCH, as_it_is, batch, model, half),
        "torch, half, compiled": lambda: _compiled(stack, options, batch, model, half),
        "torch, eager, fp32": lambda: _torch_eager(model, options, batch),
        "ONNX Runtime, CUDA": lambda: _onnxruntime(model, options, batch),
        "naive": lambda: _naive(stack, device, contract, size_px, model, half, options, frame),
    }
    ways: dict[str, Way] = {}
    for name, opener in openers.items():
        try:
            way = opener()
            way()
        except AnimecamError as error:
            say(f"without {name}: {error.message}")
            continue
        ways[name] = way
    return ways


def _ours(
    stack: ExitStack, choice: BackendChoice, options: BackendOptions, batch: Tensor, model: Path, half: Path | None
) -> Way:
    backend = stack.enter_context(closing(open_backend(model, choice, options, half=half)))
    return lambda: backend.run(batch)


def _compiled(stack: ExitStack, options: BackendOptions, batch: Tensor, model: Path, half: Path | None) -> Way:
    with importing("torch", INSTALL_TORCH):
        from animecam.backends.torch_ import TorchBackend
    backend = stack.enter_context(closing(TorchBackend(model, half, options)))
    wait_compiled(lambda: backend.run(batch), backend)
    return lambda: backend.run(batch)


def wait_compiled(draw: Way, network: Backend | DeviceNetwork) -> None:
    """Draws until PyTorch's compiled network has taken over, and says how long that was.

    Raises:
        BackendError: It has not, and will not.
    """
    start_s = perf_counter()
    draw()
    draw()  # a shape that is drawn twice is compiled
    while COMPILED not in network.info.version:
        is_last = not isinstance(network, Settling) or network.is_settled or perf_counter() - start_s > COMPILE_SECONDS
        sleep(COMPILE_POLL_SECONDS)
        draw()  # what has overtaken it shows with the next run only
        if is_last and COMPILED not in network.info.version:
            raise BackendError(f"nothing is compiled after {perf_counter() - start_s:.0f} s: see the log")
    say(f"compiled after {perf_counter() - start_s:.1f} s")


def _torch_eager(model: Path, options: BackendOptions, batch: Tensor) -> Way:
    with importing("torch", INSTALL_TORCH):
        import torch

        from animecam.backends.torch_ import cuda_device
    return in_single(model, torch.device(cuda_device(options.gpu or 0)), batch)


def in_single(model: Path, device: "torch.device", batch: Tensor) -> Way:
    """A network in PyTorch, call by call, in float32 and nothing less.

    Args:
        model: The fp32 network.
        device: Where it computes.
        batch: What it draws, float32 [N, 3, H, W].
    """
    import torch
    from torch.backends import cudnn

    from animecam.backends.torch_code import OnnxCode
    from animecam.backends.torch_ops import read_model

    code = OnnxCode(read_model(model), device).write(batch.shape, torch.float32)

    def run() -> object:
        # PyTorch lets cuDNN round to TF32, of 10 bits, though not matrix products. The other ways keep what they have.
        exact = cudnn.flags(
            enabled=cudnn.enabled, benchmark=cudnn.benchmark, deterministic=cudnn.deterministic, allow_tf32=False
        )
        with torch.inference_mode(), exact:
            return [result.cpu() for result in code(torch.from_numpy(batch).to(device))]

    return run


def _onnxruntime(model: Path, options: BackendOptions, batch: Tensor) -> Way:
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        raise BackendError("this ONNX Runtime has no CUDA provider (onnxruntime-gpu has)")
    providers = [("CUDAExecutionProvider", {"device_id": options.gpu or 0})]
    session = onnxruntime.InferenceSession(str(model), providers=providers)
    if "CUDAExecutionProvider" not in session.get_providers():  # it logs what is missing and takes the processor
        raise BackendError("ONNX Runtime cannot load its CUDA provider: see its message above")
    return lambda: session.run(None, {session.get_inputs()[0].name: batch})


def _naive(
    stack: ExitStack,
    device: Gpu,
    contract: Contract,
    size_px: int,
    model: Path,
    half: Path | None,
    options: BackendOptions,
    frame: Frame,
) -> Way:
    """The engine and its context loaded for every call, and the processor before and after."""
    ops = CpuImageOps()
    (region,) = heads(frame, size_px)
    loader = stack.enter_context(closing(EngineLoader(model, half, options)))

    def run() -> object:
        # Not by a backend, which runs every number of pictures before it calls itself ready.
        with closing(loader.host_session((3, size_px, size_px))) as session:
            device.use()
            batch = np.empty((1, 3, size_px, size_px), np.float32)
            encode(ops.crop(frame, region), contract.input, batch[0])
            drawn = decode(session.run(batch)[0][0], contract.output)
        return ops.paste(frame, [Patch(region, drawn, head_mask(size_px, size_px))])

    return run
