"""The loaded models: who is loaded, who waits, who has to go.

All state lives on the event loop, so that every decision between two awaits is atomic. A request
whose model is loaded and fits takes a lease at once. Any other joins a load job; jobs run one after
another, in the order they came. A model is keyed by the file of its weights: two names for one file
share one runner.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ollama_server.errors import Busy, LoadError, OutOfMemory
from ollama_server.runtime import devices
from ollama_server.runtime.plan import (
    LoadOptions,
    Plan,
    advised,
    find_files,
    make_plan,
    needs_reload,
    out_of_memory,
)
from ollama_server.runtime.runner import Runner
from ollama_server.settings import Settings
from ollama_server.store.dialects.cache import Cache
from ollama_server.store.dialects.prepare import Files
from ollama_server.store.model import Model

log = logging.getLogger(__name__)

_MODELS_PER_GPU = 3
_GPU_SHARE = 0.8
_FREE_MEMORY_SECONDS = 5.0


@dataclass(eq=False, slots=True)
class Loaded:
    """A model in memory. ``expires_at`` is Unix time, infinity for never."""

    model: Model
    options: LoadOptions
    runner: Runner
    auto_context: int  # the num_ctx that a load without num_ctx would choose
    keep_alive: float
    expires_at: float
    users: int = 0
    leaving: bool = False  # finishes its work and takes no more
    last_used: float = 0.0
    timer: asyncio.TimerHandle | None = None
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def key(self) -> str:
        """The path of the weights."""
        return str(self.model.model_path)

    def serves(self, model: Model, options: LoadOptions) -> bool:
        """Whether a request can use the model as it is loaded."""
        return (
            self.runner.is_alive
            and not self.leaving
            and _parts(model) == _parts(self.model)
            and not needs_reload(self.options, self.runner.info, options, self.auto_context)
        )


def _parts(model: Model) -> tuple[object, ...]:
    return model.projectors, model.adapters, model.draft


@dataclass(eq=False, slots=True)
class Lease:
    """The right to use a runner until the block ends; ``load_ns`` is how long it took to get."""

    runner: Runner
    load_ns: int
    _give_back: Callable[[], None] | None

    def release(self) -> None:
        """Give the right back before the block ends: the runner has nothing left to do for it.

        Who reads slowly would otherwise keep others from loading a model.
        """
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()


@dataclass(eq=False, slots=True)
class _Job:
    """A load; ``keep_alive`` is what was said last while it went on, None where nobody did."""

    model: Model
    options: LoadOptions
    keep_alive: float | None
    task: asyncio.Task[Loaded]
    waiters: int = 0


class Pool:
    """Loads models on demand and unloads them; see ``acquire``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cache = Cache(settings.models, settings.cache_max)
        self._loaded: dict[str, Loaded] = {}
        self._jobs: list[_Job] = []
        self._turn = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()
        self._gpus: asyncio.Task[list[devices.Device]] | None = None
        self._gpus_at = -math.inf  # when their free memory was read, if that still holds

    # --- the public side --------------------------------------------------------------------------

    @asynccontextmanager
    async def acquire(
        self, model: Model, options: LoadOptions, keep_alive: float | None
    ) -> AsyncIterator[Lease]:
        """Use a model: a lease at once where it is loaded, else after a load.

        ``keep_alive`` is in seconds, infinity for ever, None for the model's current value. Raises
        Busy when too many wait, LoadError and OutOfMemory when the load fails.
        """
        started = time.perf_counter_ns()
        options = options.clamped(model)
        loaded = self._loaded.get(str(model.model_path))
        if loaded is not None and loaded.serves(model, options):
            self._take(loaded)
            if keep_alive is not None:
                loaded.keep_alive = keep_alive
        else:
            loaded = await self._join_load(model, options, keep_alive)
        load_ns = time.perf_counter_ns() - started
        lease = Lease(loaded.runner, load_ns, functools.partial(self._release, loaded))
        try:
            yield lease
        finally:
            lease.release()

    def unload(self, model: Model) -> None:
        """Let a model go as soon as its work is done, also one that is still loaded for somebody.

        Unknown ones are fine.
        """
        for job in self._jobs:
            if job.model.model_path == model.model_path:
                job.keep_alive = 0.0
        loaded = self._loaded.get(str(model.model_path))
        if loaded is None:
            return
        loaded.keep_alive = 0.0
        loaded.expires_at = time.time()
        if loaded.users == 0:
            self._drop(loaded)

    def loaded(self) -> list[Loaded]:
        """The loaded models, the last to expire first."""
        alive = [loaded for loaded in self._loaded.values() if loaded.runner.is_alive]
        return sorted(alive, key=lambda loaded: -loaded.expires_at)

    @property
    def waiting(self) -> int:
        """Requests that wait for a load."""
        return sum(job.waiters for job in self._jobs)

    def start(self) -> None:
        """Look for GPUs in the background, so that the first load need not wait for it."""
        self._gpus = asyncio.create_task(devices.find_gpus())

    async def close(self) -> None:
        """End all runners; requests in progress fail."""
        for job in list(self._jobs):
            job.task.cancel()
        if self._gpus is not None:
            self._gpus.cancel()
        await asyncio.gather(*(job.task for job in self._jobs), return_exceptions=True)
        for loaded in list(self._loaded.values()):
            self._drop(loaded)
        await asyncio.gather(*self._closing, return_exceptions=True)

    # --- leases -----------------------------------------------------------------------------------

    def _take(self, loaded: Loaded) -> None:
        loaded.users += 1
        loaded.idle.clear()
        if loaded.timer is not None:
            loaded.timer.cancel()
            loaded.timer = None

    def _release(self, loaded: Loaded) -> None:
        loaded.users -= 1
        loaded.last_used = time.monotonic()
        if loaded.users:
            return
        loaded.idle.set()
        loaded.expires_at = time.time() + loaded.keep_alive
        if not loaded.leaving:
            self._expire(loaded)

    def _expire(self, loaded: Loaded) -> None:
        """Let an idle model go when its time is up, which may be now."""
        if self._loaded.get(loaded.key) is not loaded:
            return
        if not loaded.runner.is_alive or loaded.keep_alive <= 0:
            self._drop(loaded)
        elif not math.isinf(loaded.keep_alive):
            loop = asyncio.get_running_loop()
            loaded.timer = loop.call_later(loaded.keep_alive, self._drop, loaded)

    def _forget(self, loaded: Loaded) -> None:
        """A runner has ended: it leaves the list, and nobody waits for its work any more."""
        if self._loaded.get(loaded.key) is loaded:
            self._drop(loaded)
        loaded.idle.set()

    def _drop(self, loaded: Loaded) -> None:
        """Take a model off the list; its process ends in the background."""
        if loaded.timer is not None:
            loaded.timer.cancel()
        if self._loaded.get(loaded.key) is loaded:
            del self._loaded[loaded.key]
        loaded.leaving = True
        log.info("unloading %s", loaded.model.name.short)
        task = asyncio.create_task(loaded.runner.close())
        self._closing.add(task)
        task.add_done_callback(self._closed)

    def _closed(self, task: asyncio.Task[None]) -> None:
        self._closing.discard(task)
        self._gpus_at = -math.inf

    # --- loading ----------------------------------------------------------------------------------

    async def _join_load(
        self, model: Model, options: LoadOptions, keep_alive: float | None
    ) -> Loaded:
        """Wait for the job that loads this model, a new one if need be; the caller owns a use."""
        # Whoever is first does not wait for others, whatever the limit is.
        if self.waiting >= max(1, self._settings.max_queue):
            raise Busy
        job = self._job_for(model, options)
        if job is None:
            task = asyncio.create_task(self._load(model, options))
            job = _Job(model, options, keep_alive, task)
            self._jobs.append(job)
            task.add_done_callback(lambda _: self._finish(job))
        elif keep_alive is not None:
            job.keep_alive = keep_alive
        job.waiters += 1
        try:
            return await asyncio.shield(job.task)
        except asyncio.CancelledError:
            self._abandon(job)
            raise

    def _job_for(self, model: Model, options: LoadOptions) -> _Job | None:
        for job in self._jobs:
            if (
                job.model.model_path == model.model_path
                and _parts(job.model) == _parts(model)
                and job.options == options
            ):
                return job
        return None

    def _finish(self, job: _Job) -> None:
        """Give each waiter its use of the model, and give back the job's own."""
        if job in self._jobs:
            self._jobs.remove(job)
        if job.task.cancelled() or job.task.exception() is not None:
            return
        loaded = job.task.result()
        if job.keep_alive is not None:
            loaded.keep_alive = job.keep_alive
            loaded.expires_at = time.time() + job.keep_alive
        for _ in range(job.waiters):
            self._take(loaded)
        self._release(loaded)

    def _abandon(self, job: _Job) -> None:
        """A waiter has gone: with the last one goes the load, or the use it was given."""
        if job in self._jobs:
            job.waiters -= 1
            if job.waiters == 0:
                self._jobs.remove(job)  # nobody may join what is about to be cancelled
                job.task.cancel()
        elif not job.task.cancelled() and job.task.exception() is None:
            self._release(job.task.result())

    async def _load(self, model: Model, options: LoadOptions) -> Loaded:
        """Load when it is this job's turn; returns with one use taken, so that nobody evicts it."""
        async with self._turn:
            loaded = self._loaded.get(str(model.model_path))
            if loaded is None or not loaded.serves(model, options):
                if loaded is not None:
                    await self._retire(loaded)
                files = await self._find_files(model)
                plan, auto = await self._plan(model, options)
                await self._make_room(plan)
                runner = await self._start(plan, files)
                self._gpus_at = -math.inf
                duration = self._settings.keep_alive
                expires_at = time.time() + duration
                loaded = Loaded(model, options, runner, auto, duration, expires_at)
                self._loaded[loaded.key] = loaded
                runner.when_ended(functools.partial(self._forget, loaded))
            self._take(loaded)
            return loaded

    async def _plan(self, model: Model, options: LoadOptions) -> tuple[Plan, int]:
        """The first plan to try, and the num_ctx that is automatic for this model."""
        gpus = await self._find_gpus()
        overhead = self._settings.gpu_overhead
        auto = devices.automatic_context(gpus, overhead)
        auto = min(auto, model.context_length or auto)
        free = sum(max(0, gpu.free - overhead) for gpu in gpus)
        if not gpus or options.num_gpu == 0:
            free = await asyncio.to_thread(devices.available_memory)
        plan = make_plan(
            model,
            options,
            self._settings,
            auto=auto,
            gpu=bool(gpus),
            free=free,
            huge_pages=devices.has_huge_pages(),
        )
        return plan, auto

    async def _find_files(self, model: Model) -> Files:
        """In a thread that goes on when nobody waits any more: the work is kept for later."""
        in_use = [Path(key) for key in self._loaded]
        return await asyncio.to_thread(find_files, model, self._cache, self._settings, in_use)

    async def _start(self, plan: Plan, files: Files) -> Runner:
        """Start a runner; when memory is short, evict all others, then try smaller plans."""
        while True:
            try:
                if not plan.gpu:
                    free = await asyncio.to_thread(devices.available_memory)
                    if plan.needed_bytes > free:
                        raise out_of_memory(plan, free)
                runner = await Runner.start(
                    plan.message(files), stall_seconds=self._settings.load_timeout
                )
            except OutOfMemory as error:
                smaller = plan.smaller()
                if self._loaded:
                    log.warning("%s: %s; unloading other models", plan.model.name.short, error)
                    await asyncio.gather(*map(self._retire, list(self._loaded.values())))
                elif smaller is not None:
                    log.warning("%s: %s; trying with less", plan.model.name.short, error)
                    plan = smaller
                else:
                    raise
            except LoadError as error:
                raise advised(error, plan.model) from error
            else:
                info = runner.info
                log.info(
                    "loaded %s: %d sequences of %d tokens, %d layers on the GPU",
                    plan.model.name.short,
                    info.parallel,
                    info.num_ctx,
                    info.num_gpu,
                )
                return runner

    # --- making room ------------------------------------------------------------------------------

    async def _make_room(self, plan: Plan) -> None:
        """Evict until the number of models, and the GPUs' free memory, allow another one."""
        while self._closing:
            await asyncio.wait(set(self._closing))
        gpus = await self._find_gpus()
        limit = self._settings.max_loaded_models or _MODELS_PER_GPU * max(1, len(gpus))
        while len(self._loaded) >= limit:
            await self._retire(self._victim())
        while self._loaded and plan.gpu and plan.options.num_gpu < 0:
            gpus = await self._find_gpus(fresh=True)
            free = sum(max(0, gpu.free - self._settings.gpu_overhead) for gpu in gpus)
            if plan.needed_bytes <= free * _GPU_SHARE:
                break
            await self._retire(self._victim())

    def _victim(self) -> Loaded:
        """The idle model that was used least recently, else the busy one."""
        return min(self._loaded.values(), key=lambda x: (x.users > 0, x.last_used, x.key))

    async def _retire(self, loaded: Loaded) -> None:
        """Let a model finish what it does, and wait until it is gone."""
        loaded.leaving = True
        try:
            while loaded.users and loaded.runner.is_alive:
                await loaded.idle.wait()
        except asyncio.CancelledError:
            # Whoever wanted it gone is gone first.
            loaded.leaving = False
            if not loaded.users:
                self._expire(loaded)
            raise
        if self._loaded.get(loaded.key) is loaded:
            self._drop(loaded)
        while self._closing:
            await asyncio.wait(set(self._closing))

    async def _find_gpus(self, *, fresh: bool = False) -> list[devices.Device]:
        """All GPUs; their free memory as it was a while ago, or ``fresh``."""
        stale = time.monotonic() - self._gpus_at > _FREE_MEMORY_SECONDS
        if self._gpus is None or (fresh and stale and self._gpus.done()):
            self._gpus_at = time.monotonic()
            self._gpus = asyncio.create_task(devices.find_gpus())
        search = self._gpus
        try:
            return await asyncio.shield(search)
        except OSError as error:
            # The machine is out of processes or files, which may be over soon.
            log.warning("cannot look for GPUs: %s", error)
            if self._gpus is search:
                self._gpus = None
            return []
