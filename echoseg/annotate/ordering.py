"""In which order items are given out: what the weights are least sure of first, every fifth at random; or all at random, as a control."""

from __future__ import annotations

import random
from typing import Literal

from echoseg.annotate.items import StudioItem
from echoseg.annotate.project import Project

How = Literal["uncertain", "random", "given"]
EVERY = 5
"""Every such item is drawn at random, so that a round also sees what the weights are sure of."""


def ordered(project: Project, how: How = "uncertain", seed: int = 0) -> list[StudioItem]:
    """The items without a decision that nobody has in hand; the same for the same seed and log.

    ``uncertain``: by 1 - predicted IoU and the width of EF's interval (:func:`echoseg.annotate.draft_task.uncertainty`), those without a
    draft last; every fifth is drawn at random from the rest.
    """
    taken = project.log.leases()
    todo = [(item, state) for item, state in project.queue("given", "todo") if item.id not in taken]
    items = [item for item, _ in todo]
    if how == "given":
        return items
    drawn = items[:]
    random.Random(seed).shuffle(drawn)
    if how == "random":
        return drawn
    unsure = {item.id: -1.0 if state.uncertainty is None else state.uncertainty for item, state in todo}
    first = sorted(items, key=lambda item: (-unsure[item.id], item.number))
    sure, at_random = iter(first), iter(drawn)
    out: dict[str, StudioItem] = {}
    for place in range(len(items)):
        queue = at_random if place % EVERY == EVERY - 1 else sure
        chosen = next(item for item in queue if item.id not in out)
        out[chosen.id] = chosen
    return list(out.values())
