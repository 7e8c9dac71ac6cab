"""Several processes on one model: each has its own crops, gradients are averaged. Started by torchrun, else inert.

The networks are small (six megabytes of gradients), so one all-reduce after the backward pass costs less than the
bookkeeping of overlapping it, and the loop stays free of wrapped modules.
"""

import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module

import torch
from torch import Tensor, distributed, nn

from animecam_training.errors import LostProcessError
from animecam_training.run.telling import rank


@dataclass(frozen=True, slots=True)
class Process:
    """This process among its siblings.

    Attributes:
        rank: Number of this process; 0 writes files.
        ranks: Processes in all.
        device: Where this process computes.
    """

    rank: int
    ranks: int
    device: torch.device


@contextmanager
def join_processes() -> Generator[Process]:
    """Join the processes that torchrun started; alone, be process 0 of 1."""
    own, ranks = rank(), int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
    if ranks == 1:
        yield Process(0, 1, device)
        return
    _import_what_takes_the_group()
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Process(own, ranks, device)
    finally:
        distributed.destroy_process_group()


def _import_what_takes_the_group() -> None:
    """Let the defaults of that module's functions be None.

    They are the group that there is when torch imports it, as an optimizer's first step does. One that is held so
    outlives its end, and where its threads outlive the interpreter the process is aborted now and then.
    """
    import_module("torch.distributed.nn.functional")


def rank_of_ranks() -> tuple[int, int]:
    """The number of this process, and how many there are: 0 of 1 where there is no group."""
    if not distributed.is_initialized():
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


@contextmanager
def _lost_named() -> Generator[None]:
    """Turns what a backend raises when a process has ended, which is a page about sockets, into one line.

    Raises:
        LostProcessError: The processes could not be heard.
    """
    try:
        yield
    except RuntimeError as error:
        raise LostProcessError("another process of the run ended", hint="what it said itself tells why") from error


def holds_everywhere(condition: Tensor) -> bool:
    """Whether a condition, one bool on the device, holds in all processes; each of them has to ask.

    Raises:
        LostProcessError: One has ended.
    """
    if not distributed.is_initialized():
        return bool(condition)
    return bool(_reduced(condition.to(torch.int32), distributed.ReduceOp.MIN))


def least_of_all(number: int, device: torch.device) -> int:
    """The least number that a process has; each of them has to ask.

    Raises:
        LostProcessError: One has ended.
    """
    if not distributed.is_initialized():
        return number
    return int(_reduced(torch.tensor(number, device=device), distributed.ReduceOp.MIN))


def _reduced(value: Tensor, way: "distributed.ReduceOp.RedOpType") -> Tensor:
    with _lost_named():
        distributed.all_reduce(value, way)  # pyright: ignore[reportUnknownMemberType]
    return value


def average_gradients(weights: Iterable[Tensor]) -> None:
    """Give every process the mean of all gradients.

    Raises:
        LostProcessError: One has ended.
    """
    if not distributed.is_initialized():
        return
    ranks = distributed.get_world_size()
    for weight in weights:
        if weight.grad is not None:
            _reduced(weight.grad, distributed.ReduceOp.SUM)
            weight.grad /= ranks


def share_weights(modules: Iterable[nn.Module]) -> None:
    """Give every process the weights and buffers of process 0.

    Raises:
        LostProcessError: One has ended.
    """
    if not distributed.is_initialized():
        return
    with _lost_named():
        for module in modules:
            for value in module.state_dict().values():
                distributed.broadcast(value, src=0)  # pyright: ignore[reportUnknownMemberType]


def as_first_process_has_it(verdict: bool, device: torch.device) -> bool:
    """What process 0 says; each of them has to ask.

    Raises:
        LostProcessError: One has ended.
    """
    if not distributed.is_initialized():
        return verdict
    told = torch.tensor(float(verdict), device=device)
    with _lost_named():
        distributed.broadcast(told, src=0)  # pyright: ignore[reportUnknownMemberType]
    return bool(told)
