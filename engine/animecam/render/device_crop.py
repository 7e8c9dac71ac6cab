"""Small pictures out of frames that lie on a GPU, for the detectors, which look at them on the processor."""

from contextlib import ExitStack, closing

import numpy as np

from animecam.color import yuv_to_rgb_matrix
from animecam.cuda.base import Gpu
from animecam.cuda.dlpack import rows_of
from animecam.render.cpu import CpuImageOps
from animecam.render.device_job import color_steps, write_crop
from animecam.render.device_kernels import FaceKernels
from animecam.render.device_layout import FACE, JOB, LIGHT, Record, aligned, channels_of
from animecam.render.device_memory import SUMS_BYTES
from animecam.types import Frame, Image, Region

_RGB = 3


class DeviceCrop:
    """Crops for the tracker: by the kernel that crops for the network, or as `CpuImageOps.glimpse` does.

    Used by one thread at a time.

    Args:
        gpu: Where frames may lie; stays the caller's, and is closed after this.
        ops: Crops frames that lie in the host's memory.
    """

    def __init__(self, gpu: Gpu, ops: CpuImageOps) -> None:
        self._gpu, self._ops = gpu, ops
        self._stream, self._decoded = gpu.stream(), gpu.event()
        self._kernels: FaceKernels | None = None
        self._room: _Room | None = None

    def __call__(self, frame: Frame, region: Region) -> Image:
        """The pixels of a region, uint8 [H, W, 3] RGB.

        Raises:
            BackendError: The GPU failed, or the kernels do not compile.
        """
        if frame.on_gpu is None:
            return self._ops.glimpse(frame, region)
        self._kernels = self._kernels or FaceKernels(self._gpu)
        size = (region.width_px, region.height_px)
        area = region.width_px * region.height_px
        room = self._room_for(area)
        planes = rows_of(frame.on_gpu.luma), rows_of(frame.on_gpu.chroma)
        room.job["channels"] = channels_of(frame.pixel_format, planes)
        room.job["to_rgb"] = color_steps(yuv_to_rgb_matrix(frame.color, frame.height_px))
        room.job["is_yuv"], room.job["size"] = True, size
        write_crop(room.face, frame, region)
        self._gpu.mark_others(self._decoded)  # the decoder may still be at this frame
        self._stream.wait(self._decoded)
        self._stream.copy_in(room.work, room.given, room.given.nbytes)
        self._kernels.cut(self._stream, room.work.address, room.face_address, 1, size)
        self._stream.copy_out(room.result, room.picture, _RGB * area)
        self._stream.synchronize()
        levels = room.result.array(np.uint8, (_RGB, region.height_px, region.width_px))
        return np.ascontiguousarray(levels.transpose(1, 2, 0))

    def close(self) -> None:
        """Frees everything; may be called twice."""
        self._gpu.use()
        self._free_room()
        self._decoded.close()
        self._stream.close()

    def _room_for(self, area: int) -> "_Room":
        if self._room is None or self._room.area < area:
            self._free_room()
            self._room = _Room(self._gpu, area)
        return self._room

    def _free_room(self) -> None:
        if self._room is not None:
            self._room.close()
            self._room = None


class _Room:
    """Memory for one crop.

    Args:
        gpu: Where it lies.
        area: Most pixels of the crop.

    Attributes:
        area: As given.
        given: What is copied to the beginning of `work`: the job and its face.
        work: The same on the GPU, and room for all that the kernel writes but the picture.
        picture: The crop on the GPU, planar.
        result: The crop on the host, planar.
        job: The one JOB in `given`.
        face: The one FACE in `given`.
    """

    def __init__(self, gpu: Gpu, area: int) -> None:
        face_at = aligned(JOB.itemsize)
        sums_at = aligned(face_at + FACE.itemsize)
        light_at = aligned(sums_at + SUMS_BYTES)
        change_at = aligned(light_at + LIGHT.itemsize)
        self.area = area
        with ExitStack() as parts:
            self.given = parts.enter_context(closing(gpu.pinned(face_at + FACE.itemsize)))
            self.work = parts.enter_context(closing(gpu.buffer(change_at + area)))
            self.picture = parts.enter_context(closing(gpu.buffer(_RGB * area)))
            self.result = parts.enter_context(closing(gpu.pinned(_RGB * area)))
            self._parts = parts.pop_all()
        block = self.given.array(np.uint8, (self.given.nbytes,))
        block[:] = 0
        self.job: Record = block[: JOB.itemsize].view(JOB)[0]
        self.face: Record = block[face_at:].view(FACE)[0]
        self.face["filmed"], self.face["change"] = self.picture.address, self.work.address + change_at
        self.face["sums"], self.face["light"] = self.work.address + sums_at, self.work.address + light_at
        self.face_address = self.work.address + face_at

    def close(self) -> None:
        """Frees it; may be called twice."""
        self._parts.close()
