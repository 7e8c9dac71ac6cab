"""A run of training: its parts are opened, and steps are taken."""

from collections.abc import Callable
from contextlib import ExitStack, nullcontext

from animecam_training.data.loading import batches, killed_workers_named
from animecam_training.methods.base import Method
from animecam_training.progress import Tell, ignore
from animecam_training.recipe.config import Recipe
from animecam_training.run.checkpoint import Checkpoint, expected_bytes, last_good_named
from animecam_training.run.folder import CHECKPOINT_FILE, RunFolder, check_room, check_run, claim_run, load_samples
from animecam_training.run.opening import opened_run
from animecam_training.run.session import RunOptions, Session
from animecam_training.run.stopping import stop_wishes


def train(
    recipe: Recipe, options: RunOptions, on_step: Callable[[int], None] | None = None, on_read: Tell = ignore
) -> Checkpoint:
    """Run a recipe to its end, or to the end of the time given.

    Args:
        recipe: What to learn.
        options: Where, for how long, from what.
        on_step: Called after each step with the number of steps done.
        on_read: Is told of the pictures that were found to be sound, before the first step.

    Returns:
        The last checkpoint, which is also in the run folder.

    Raises:
        CheckpointError: Nothing to resume, or recipe, pictures, teacher or processes differ from those of the run,
            or another program trains into the folder, or a checkpoint cannot be written there.
        DataError: A folder of the recipe is missing or empty, a picture is damaged, or a process that reads pictures
            was killed.
        DivergedError: A loss, or what the network draws, became NaN or infinite; the last good checkpoint, if there
            is one, is in the folder.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the step at hand was finished and saved, unless torchrun started several
            processes.
    """
    with ExitStack() as stack:
        run = stack.enter_context(opened_run(recipe, options, on_read))
        process, is_first = run.process, run.process.rank == 0
        samples = load_samples(recipe).to(process.device) if is_first else None
        if is_first:
            stack.enter_context(claim_run(options.folder))
            check_run(options.folder, is_resumed=options.resume)  # another program may have had it until now
        first_step = run.begin(recipe, options)
        if is_first:
            check_room(options.folder, _checkpoint_bytes(options, run.method))
        folder = RunFolder(options.folder, recipe, first_step=first_step) if is_first else None
        try:
            stream = batches(
                run.dataset, first_step=first_step, steps=recipe.steps, rank=process.rank, ranks=process.ranks
            )
            # torchrun ends its processes by itself, and soon.
            wishes = stop_wishes() if process.ranks == 1 else nullcontext(lambda: False)
            good = last_good_named(options.folder / CHECKPOINT_FILE)
            with killed_workers_named(), good, wishes as is_asked:
                kept = run.validation if folder else None
                session = Session(run.method, recipe, options, process, folder, samples, kept, run.origins)
                return session.run(stream, first_step, is_asked, on_step)
        finally:
            if folder:
                folder.close()


def _checkpoint_bytes(options: RunOptions, method: Method) -> int:
    """What a checkpoint of a run takes: as much as the one it goes on from, or as will be needed at most."""
    if options.resume:
        return (options.folder / CHECKPOINT_FILE).stat().st_size
    return expected_bytes(method.state())
