"""Uploaded pictures and clips: received, drawn one after the other beside the live sessions, kept for a while."""

import asyncio
import logging
import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from animecam.errors import AnimecamError
from animecam.run.pipeline import Figures
from animecam.web.jobs import Job, Progress, State, outcome, part_done
from animecam.web.options import MIB, Limits, Refusal
from animecam.web.orders import Order
from animecam.web.patience import paced
from animecam.web.studio import OTHERS_SECONDS, Studio
from animecam.web.untrusted import inspect, most_pixels

log = logging.getLogger(__name__)

MOST_JOBS = 8  # waiting, running and kept results together; the folder holds no more than twice their uploads
INSPECTORS = 2  # threads that look what uploads are: one file may hold one up
KEEP_SECONDS = 900.0  # how long a result waits to be fetched
SWEEP_SECONDS = 10.0  # how often old results are looked for
PREFIX = "animecam-"  # of the folder around all jobs


class Workshop:
    """Receives files and draws them one at a time; event loop only.

    Args:
        studio: Draws the frames.
        limits: Of size and time.
    """

    def __init__(self, studio: Studio, limits: Limits) -> None:
        self._studio, self._limits = studio, limits
        self._folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._jobs: dict[str, Job] = {}
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="convert")
        # Of their own: a stranger's film may take a second, and live pictures are packed in the threads that all share.
        self._inspectors = ThreadPoolExecutor(INSPECTORS, thread_name_prefix="inspect")
        self._running: set[asyncio.Task[None]] = set()

    def jobs(self) -> tuple[Job, ...]:
        """All that are kept."""
        return tuple(self._jobs.values())

    def job(self, job_id: str) -> Job:
        """A job by its id, for somebody who waits for it.

        Raises:
            Refusal: There is none, or no more.
        """
        job = self._jobs.get(job_id)
        if job is None:
            raise Refusal("there is no such upload any more", hint="send the file again", status=404, reason="job")
        job.ask()
        return job

    async def receive(self, name: str, chunks: AsyncIterator[bytes], order: Order) -> Job:
        """Stores a file, looks what it is and queues it.

        Raises:
            Refusal: It is too large, too slow, or no media; too many are kept already, or the disk is full. Nothing of
                it is kept.
            ConnectionError: Its sender has left.
        """
        if sum(not job.is_over for job in self.jobs()) >= MOST_JOBS:
            raise Refusal("too many uploads are waiting", hint="try again in a minute", status=503, reason="jobs")
        try:
            folder = self._new_folder()
        except OSError as error:
            raise self._no_room(error) from error
        job = self._jobs[folder.name] = Job(name, folder, order)
        try:
            await self._store(job, chunks)
            found = await asyncio.get_running_loop().run_in_executor(self._inspectors, inspect, job.source)
        except BaseException as error:  # cancelled or failed: nothing of it is kept
            self.discard(job)
            if isinstance(error, OSError) and not isinstance(error, ConnectionError):
                raise self._no_room(error) from error
            raise
        self._make_room()
        job.is_picture = found.is_picture
        job.source = job.source.rename(job.source.with_suffix(found.suffix))
        job.target = job.target.with_suffix(found.made)
        job.ask()
        task = asyncio.create_task(self._run(job))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return job

    def _new_folder(self) -> Path:
        """A folder for one job. Where the system has cleared away the one around them, there is another one."""
        if not self._folder.is_dir():  # no upload for days, and the files of every program in /tmp are old enough to go
            self._folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        folder = self._folder / secrets.token_urlsafe(16)
        folder.mkdir(mode=0o700)
        return folder

    def _no_room(self, error: OSError) -> Refusal:
        log.warning("no upload can be stored in %s: %s", self._folder, error.strerror or error)
        what = "the server has no room for the file"
        return Refusal(what, hint="try a smaller one, or later", status=507, reason="disk")

    def _make_room(self) -> None:
        """Forgets failures, then the results that have waited longest, until no more are kept than may be."""
        over = [job for job in self.jobs() if job.is_over]
        over.sort(key=lambda job: (job.progress.state is State.DONE, job.changed_s))
        for job in over[: max(0, len(self._jobs) - MOST_JOBS)]:
            self.discard(job)

    def discard(self, job: Job) -> None:
        """Stops a job if it runs and removes its files."""
        job.stop.set()
        self._jobs.pop(job.id, None)
        if job.progress.state is not State.RUNNING:  # the worker removes those that it still uses
            shutil.rmtree(job.folder, ignore_errors=True)

    async def sweep(self) -> None:
        """Removes results that nobody fetched and ends work that keeps others waiting, as long as the server runs."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            for job in self.jobs():
                if job.is_over and time.monotonic() - job.changed_s > KEEP_SECONDS:
                    self.discard(job)
            self._end_forsaken()

    def _end_forsaken(self) -> None:
        """Whoever left without a word holds the only worker for hours; where nobody else wants it, it goes on."""
        if any(job.progress.state is State.WAITING and job.is_awaited for job in self.jobs()):
            for job in self.jobs():
                if job.progress.state is State.RUNNING and not job.is_awaited:
                    job.forsake()

    async def close(self) -> None:
        """Stops what runs and removes everything."""
        for job in self.jobs():
            self.discard(job)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._inspectors.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self._worker.shutdown, cancel_futures=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _store(self, job: Job, chunks: AsyncIterator[bytes]) -> None:
        size = 0
        with job.source.open("wb") as file:
            async for chunk in paced(chunks):
                size += len(chunk)
                if size > self._limits.upload_bytes:
                    raise too_large(self._limits)
                file.write(chunk)
        if size == 0:
            raise Refusal("the file is empty", hint="choose another one", status=415, reason="media")

    async def _run(self, job: Job) -> None:
        await asyncio.get_running_loop().run_in_executor(self._worker, self._convert, job)

    def _convert(self, job: Job) -> None:
        """Worker thread: draws one file."""
        if job.stop.is_set():
            return
        job.progress = replace(job.progress, state=State.RUNNING)
        try:
            figures = self._convert_stoppable(job)
            job.end(outcome(job, figures, self._limits))
        except AnimecamError as error:
            message, hint = (job.in_words_of_the_user(text) for text in (error.message, error.hint))
            job.end(Progress(State.FAILED, message=message, hint=hint))
        except Exception:
            # A stranger's file may meet any defect, ours or FFmpeg's: only its own job ends, and its page is told.
            log.exception("upload %s could not be drawn", job.id)
            job.end(Progress(State.FAILED, message="the file could not be drawn", hint="see the server's log"))
        finally:
            if job.stop.is_set():
                shutil.rmtree(job.folder, ignore_errors=True)

    def _convert_stoppable(self, job: Job) -> Figures:
        from animecam.run.pipeline import Pipeline
        from animecam.run.session import opened_outputs, opened_source
        from animecam.sinks.options import SinkOptions
        from animecam.sources.options import SourceOptions

        source_options = SourceOptions(max_pixels=most_pixels(is_picture=job.is_picture))
        sink_options = SinkOptions(audio_from=job.source)
        with (
            opened_source(str(job.source), source_options) as source,
            opened_outputs((str(job.target),), source.format, sink_options) as outputs,
            self._studio.rendering(job.order, job.stop.is_set) as (render, timing),
        ):
            pipeline = Pipeline(source, job.watched(render), outputs, timing, others_s=OTHERS_SECONDS)

            def tick(figures: Figures) -> None:
                job.progress = replace(job.progress, done=part_done(source.format, figures), fps=figures.fps_out)
                job.is_too_large = job.made_bytes > self._limits.result_bytes
                if job.stop.is_set() or job.is_too_large or figures.seconds > self._limits.minutes * 60:
                    pipeline.stop()

            return pipeline.run(on_tick=tick)


def too_large(limits: Limits) -> Refusal:
    """The refusal of a file beyond the limit."""
    return Refusal(
        f"the file is larger than {limits.upload_bytes / MIB:.0f} MiB",
        hint="cut it, or convert it with: animecam convert",
        status=413,
        reason="upload",
    )
