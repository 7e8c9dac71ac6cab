"""Batches of crops, step by step, read in this process or by workers."""

# pyright: reportUnknownMemberType=false

import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from time import sleep
from types import FrameType

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from animecam_training.data.sets import Batch, Crops
from animecam_training.data.workers import compute_alone
from animecam_training.errors import DataError

_DEATH_OF_WORKER = "DataLoader worker"  # how torch begins to tell of it; its error has no type of its own
_DEATH_SECONDS = 1.0  # torch is told by a signal, some milliseconds later


def batches(dataset: Crops, *, first_step: int, steps: int, rank: int = 0, ranks: int = 1) -> Iterator[Batch]:
    """Batches of the steps from `first_step` on; process `rank` of `ranks` gets its own crops of each step.

    Raises:
        DataError: A picture cannot be read, in this process or in a worker.
    """
    batch = dataset.data.batch
    workers = dataset.data.workers
    loader = DataLoader(
        _Guarded(dataset),
        batch,
        sampler=_Numbers(range(first_step, steps), batch, rank, ranks),
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
        collate_fn=_collate,
        worker_init_fn=_begin_worker,
    )
    for item in loader:
        if isinstance(item, DataError):
            raise item
        yield item


@contextmanager
def killed_workers_named() -> Generator[None]:
    """Turns the death of a worker, which torch tells of wherever the block then is, into one line.

    Raises:
        DataError: A worker was killed: memory ran short, or in a container the memory that processes share.
    """
    try:
        try:
            yield
        except (ConnectionError, EOFError):
            sleep(_DEATH_SECONDS)  # what a worker was sending may break off first
            raise
    except RuntimeError as error:
        if not tells_of_worker(error):
            raise
        hint = "memory, or that in /dev/shm, may have run short: fewer data.workers, then --resume"
        raise DataError("a process that reads pictures was killed", hint=hint) from error


def tells_of_worker(error: BaseException | None) -> bool:
    """Whether an error, or one that it came after, is how torch tells of the death of a worker."""
    while error is not None:
        if isinstance(error, RuntimeError) and str(error).startswith(_DEATH_OF_WORKER):
            return True
        error = error.__context__
    return False


def _begin_worker(_number: int) -> None:
    compute_alone()
    # A terminal or systemd tells the whole group: a worker that left before its parent would take the last step along.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _listen_no_more)


def _listen_no_more(number: int, _frame: FrameType | None) -> None:
    """Leaves the first signal to the parent, which ends its workers; a second one ends this worker at once."""
    signal.signal(number, signal.SIG_DFL)


class _Numbers(Sampler[int]):
    """The numbers of the crops of some steps, one after the other: as a list they took a gibibyte for a long run.

    Args:
        steps: Which steps.
        batch: Crops of each, for each process.
        rank: This process.
        ranks: Processes.
    """

    def __init__(self, steps: range, batch: int, rank: int, ranks: int) -> None:
        self._steps, self._batch, self._rank, self._ranks = steps, batch, rank, ranks

    def __iter__(self) -> Iterator[int]:
        for step in self._steps:
            first = (step * self._ranks + self._rank) * self._batch
            yield from range(first, first + self._batch)

    def __len__(self) -> int:
        return len(self._steps) * self._batch


class _Guarded(Dataset["Batch | DataError"]):
    """Hands faults on as values: a worker's exception would come as its whole traceback, and without its hint."""

    def __init__(self, crops: Crops) -> None:
        self._crops = crops

    def __getitem__(self, index: int) -> Batch | DataError:
        """Crop `index`, or why there is none."""
        try:
            return self._crops[index]
        except DataError as error:
            return error


def _collate(items: list[Batch | DataError]) -> Batch | DataError:
    """The crops as one batch, or the first fault."""
    crops: list[Batch] = []
    for item in items:
        if isinstance(item, DataError):
            return item
        crops.append(item)
    return {name: torch.stack([crop[name] for crop in crops]) for name in crops[0]}
