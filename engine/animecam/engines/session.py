"""One user of an engine on one GPU: contexts and memory. Addresses go in, work is queued, nothing is allocated."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# The bindings ship no type information.

import logging
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from animecam.cache import write_whole
from animecam.cuda.base import Gpu
from animecam.engines.flavour import Flavour
from animecam.engines.shared import UPDATE, SharedEngine

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Context:
    """A context of the runtime, which is for one number of pictures for good, and what is bound in it."""

    context: Any
    addresses: dict[str, int] = field(default_factory=dict[str, int])


class EngineSession:
    """An engine that is ready to run; used by one thread at a time, whose GPU it must be.

    The engine is shared with other sessions of the same one, whoever opened them; the contexts are this one's, one for
    each number of pictures: a graph that was recorded of a context is no good once that takes another number, and where
    tensorrt-rtx records by itself it does so anew (NVIDIA, "Best Practices", "CUDA Graphs"). They share their memory,
    and the streams on which the runtime does what can be done beside the rest, as one runs at a time. Those are ours:
    the runtime's own may wait for the default stream, on which FFmpeg decodes, and that would end a recording.

    Args:
        flavour: The runtime.
        gpu: Current in this thread.
        data: The engine.
        max_batch: Most pictures at a time.
        shape: Of one picture.
        own_graph: Let tensorrt-rtx record and launch a CUDA graph of its own; False where the caller captures.
        jit: File of what tensorrt-rtx compiled for this GPU, see `keep_compiled`; None: nothing is kept.

    Raises:
        BackendError: The engine is of another version or for another GPU, or damaged.
        DeviceMemoryError: The memory of the GPU is full.
    """

    def __init__(
        self,
        flavour: Flavour,
        gpu: Gpu,
        data: bytes,
        *,
        max_batch: int,
        shape: tuple[int, ...],
        own_graph: bool = True,
        jit: Path | None = None,
    ) -> None:
        self._flavour = flavour
        self._jit = jit
        self._jit_cache: Any = None
        self._config: Any = None  # of tensorrt-rtx: no document says that a context copies what it was made with
        self.max_batch, self._shape = max_batch, shape
        self._batch = 0
        self._contexts: dict[int, _Context] = {}
        with flavour.fresh_messages(), ExitStack() as on_failure:
            self._shared = SharedEngine(flavour, gpu, data)
            on_failure.callback(self._shared.close)
            self._input = self._input_name()
            self._memory = gpu.buffer(max(1, int(self._shared.engine.device_memory_size_v2)))
            on_failure.callback(self._memory.close)
            beside = int(self._shared.engine.num_aux_streams)
            self._beside = [on_failure.enter_context(closing(gpu.stream())) for _ in range(beside)]
            on_failure.callback(self._drop_contexts)
            if flavour.is_rtx:
                self._config = self._make_config(own_graph=own_graph)
            self.set_batch(max_batch)
            on_failure.pop_all()

    def set_batch(self, batch: int) -> None:
        """Says how many pictures the next runs take, from 1 to `max_batch`; for a new number a context is made.

        Raises:
            BackendError: The engine does not take so many.
            DeviceMemoryError: The memory of the GPU is full.
        """
        if batch not in self._contexts:
            with self._flavour.fresh_messages(), ExitStack() as on_failure:
                on_failure.callback(self._contexts.pop, batch, None)
                self._add_context(batch)
                on_failure.pop_all()
        self._batch = batch

    def output_shape(self, name: str) -> tuple[int, ...]:
        """The shape of an output for the number of pictures that was set."""
        return tuple(int(side) for side in self._now.context.get_tensor_shape(name))

    def bind(self, name: str, address: int) -> None:
        """Says where an input is read or an output written by the number of pictures that was set.

        It costs nothing when it is as before.

        Raises:
            BackendError: The runtime refuses the address.
        """
        if self._now.addresses.get(name) == address:
            return
        if not self._now.context.set_tensor_address(name, address):
            raise self._flavour.error(f"refuses the address of {name}")
        self._now.addresses[name] = address

    def layer_information(self) -> str:
        """What the runtime tells of the engine's layers, as JSON; empty where it tells nothing."""
        inspector = self._shared.engine.create_engine_inspector()
        if inspector is None:
            told = ""
        else:
            inspector.execution_context = (
                self._now.context
            )  # without the number of pictures no types of tensors are told
            told = str(inspector.get_engine_information(self._flavour.api.LayerInformationFormat.JSON) or "")
        self._flavour.messages.clear()  # if it complains, that is no reason of a later failure
        return told

    def enqueue(self, stream_handle: int) -> None:
        """Queues one run; see `DeviceNetwork.enqueue`.

        Raises:
            BackendError: The runtime refuses.
        """
        if not self._now.context.execute_async_v3(stream_handle):
            raise self._flavour.error("the engine cannot be run")

    def close(self) -> None:
        """Frees everything but what other sessions share, and keeps nothing; may be called twice."""
        # In this order: each needs the next.
        self._drop_contexts()
        for stream in self._beside:
            stream.close()
        self._memory.close()
        self._shared.close()

    @property
    def _now(self) -> _Context:
        """The context for the number of pictures that was set."""
        return self._contexts[self._batch]

    def _drop_contexts(self) -> None:
        self._contexts.clear()
        self._config = self._jit_cache = None

    def _input_name(self) -> str:
        engine, mode = self._shared.engine, self._flavour.api.TensorIOMode
        names = (str(engine.get_tensor_name(index)) for index in range(engine.num_io_tensors))
        return next(name for name in names if engine.get_tensor_mode(name) == mode.INPUT)

    def _make_config(self, *, own_graph: bool) -> Any:
        """What contexts of tensorrt-rtx are made with; all that it compiles for them goes into one cache."""
        api = self._flavour.api
        config = self._shared.engine.create_runtime_config()
        if config is None:
            raise self._flavour.error("cannot make a runtime configuration")
        config.set_execution_context_allocation_strategy(api.ExecutionContextAllocationStrategy.USER_MANAGED)
        # The kernels for a new number of pictures are compiled before it runs and not while frames go by.
        config.dynamic_shapes_kernel_specialization_strategy = api.DynamicShapesKernelSpecializationStrategy.EAGER
        graphs = api.CudaGraphStrategy
        config.cuda_graph_strategy = graphs.WHOLE_GRAPH_CAPTURE if own_graph else graphs.DISABLED
        self._load_jit(config)
        return config

    def _add_context(self, batch: int) -> None:
        self._contexts[batch] = _Context(self._make_context())  # held by nothing else: on failure it must go first
        self._contexts[batch].context.set_device_memory(self._memory.address, self._memory.nbytes)
        if self._beside:
            self._contexts[batch].context.set_aux_streams([stream.handle for stream in self._beside])
        if not self._contexts[batch].context.set_input_shape(self._input, (batch, *self._shape)):
            raise self._flavour.error(f"the engine takes 1 to {self.max_batch} pictures, not {batch}")

    def _make_context(self) -> Any:
        api = self._flavour.api
        made_with = self._config if self._flavour.is_rtx else api.ExecutionContextAllocationStrategy.USER_MANAGED
        context = self._shared.engine.create_execution_context(made_with)
        if context is None:
            raise self._flavour.failure("cannot make a context for the engine", UPDATE)
        # Engines keep the details of their layers; queueing would take longer if it told them to profilers, too.
        context.nvtx_verbosity = api.ProfilingVerbosity.NONE
        return context

    def _load_jit(self, config: Any) -> None:
        cache = config.create_runtime_cache()
        if cache is None:
            raise self._flavour.error("cannot make a cache for compiled kernels")
        kept = b""
        if self._jit is not None:
            with suppress(OSError):  # none yet; gone since another process looked at it; or nobody may read it
                kept = self._jit.read_bytes()
        if self._jit is not None and kept and not cache.deserialize(kept):
            log.info("%s is of another version or driver: kernels are compiled again", self._jit.name)
            self._flavour.messages.clear()
            with suppress(OSError):  # what is compiled now may be less, and is better
                self._jit.unlink()
        if not config.set_runtime_cache(cache):
            raise self._flavour.error("refuses the cache for compiled kernels")
        self._jit_cache = cache

    def keep_compiled(self) -> None:
        """Keeps what was compiled; where that fails the next start is slower and nothing else.

        Several sessions may share an engine and its file, and compile more or less: what holds most is kept.
        """
        if self._jit is None or self._jit_cache is None:
            return
        compiled = self._jit_cache.serialize()
        try:
            kept_bytes = self._jit.stat().st_size if self._jit.is_file() else 0
            if compiled is not None and len(bytes(compiled)) > kept_bytes:
                write_whole(self._jit, bytes(compiled))
        except OSError as error:
            log.info("compiled kernels are not kept in %s: %s", self._jit, error.strerror)
