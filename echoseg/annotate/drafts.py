"""A round's drafts: the current weights look at every item that nobody has decided or touched, by workers of the archive."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from echoseg.annotate.draft_task import DRAFT_TASK, DraftTask
from echoseg.annotate.frame_mask import FrameMask
from echoseg.annotate.items import StudioItem
from echoseg.annotate.project import Project
from echoseg.archive.jobs import Blocked, ClipResult, Died, Failed, Finished, Job, Ready
from echoseg.archive.local import LocalEngine
from echoseg.archive.settings import Settings
from echoseg.archive.worker import WorkerSpec
from echoseg.errors import ArchiveError, EchosegError

AUTHOR = "echoseg"
Progress = Callable[[int, int | None], None]


def waiting(project: Project, sha256: str, items: Iterable[str] | None = None) -> list[StudioItem]:
    """The undecided items that these weights have not looked at and nobody has in hand, in the user's order."""
    taken, states = project.log.leases(), project.states()
    seen = {event.item for event in project.log.of_kinds(("draft", "draft_off", "draft_failed")) if event.body.get("weights") == sha256}
    wanted = None if items is None else set(items)
    return [
        project.items[key]
        for key, state in states.items()
        if state.decision is None and key not in taken and key not in seen and (wanted is None or key in wanted)
    ]


def note_draft(project: Project, item: StudioItem, result: ClipResult, seconds: float, sha256: str) -> None:
    """Writes what a worker found of an item into the log."""
    clip = result.clip
    if clip.get("off"):
        project.log.append(item.id, AUTHOR, "draft_off", {"kind": clip["kind"], "weights": sha256})
        return
    masks = tuple(map(FrameMask.stored, clip["masks"]))
    project.log.append(item.id, AUTHOR, "draft", {**clip["body"], "seconds": round(seconds, 1), "weights": sha256}, masks)


def note_failure(project: Project, item: StudioItem, reason: str, sha256: str) -> None:
    """Writes into the log why an item cannot be drafted, without the name of its file."""
    told = reason.replace(item.location, "the file").replace(item.item.path, "the file")
    project.log.append(item.id, AUTHOR, "draft_failed", {"reason": told[:500], "weights": sha256})


def draft_by_workers(
    project: Project,
    settings: Settings,
    sha256: str,
    workers: int = 1,
    progress: Progress | None = None,
    items: Iterable[str] | None = None,
) -> int:
    """Drafts all that wait; each draft is in the log when it is found, so that a run that was killed goes on. How many were drafted.

    Raises:
        ArchiveError: no worker can load the model, or none can go on.
    """
    todo = waiting(project, sha256, items)
    if not todo:
        return 0
    engine = LocalEngine(WorkerSpec(settings, str(project.folder), task=DRAFT_TASK), min(workers, len(todo)))
    left, working, done = list(reversed(todo)), dict[int, StudioItem](), 0
    try:
        while left or working:
            for event in engine.poll(0.5):
                answer = event.answer
                item = working.pop(event.slot, None) if isinstance(answer, Finished | Failed | Died) else None
                if isinstance(answer, Died) and answer.starting:
                    raise ArchiveError(f"no worker can load the model: {answer.reason}")
                if isinstance(answer, Blocked):
                    raise ArchiveError(f"drafting cannot go on: {answer.reason}")
                if item is not None:
                    if isinstance(answer, Finished) and answer.result is not None:
                        note_draft(project, item, answer.result, answer.seconds, sha256)
                    elif isinstance(answer, Failed | Died):
                        note_failure(project, item, answer.reason, sha256)
                    done += 1
                    if progress is not None:
                        progress(done, len(todo))
                if isinstance(answer, Ready | Finished | Failed) and left:
                    item = left.pop()
                    working[event.slot] = item
                    engine.submit(event.slot, Job("process", item.number, item.item, item.location))
    finally:
        engine.close()
    return done


def draft_here(project: Project, task: DraftTask, sha256: str, items: Iterable[str]) -> int:
    """Drafts items in this process, by a model that is loaded already. How many."""
    todo = waiting(project, sha256, items)
    for item in todo:
        try:
            note_draft(project, item, task.process(item.item, item.location, item.id), 0.0, sha256)
        except EchosegError as error:
            note_failure(project, item, str(error), sha256)
    return len(todo)
