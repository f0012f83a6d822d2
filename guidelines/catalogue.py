"""All experiments by name."""

from __future__ import annotations

from collections.abc import Sequence

from guidelines import g1_channel_ratio, g2_group_count, g3_fragmentation, g4_elementwise
from guidelines.experiment import Guideline
from results.errors import BadInputError, suggestion

GUIDELINES: dict[str, Guideline] = {
    module.GUIDELINE.name: module.GUIDELINE
    for module in (g1_channel_ratio, g2_group_count, g3_fragmentation, g4_elementwise)
}


def select(names: Sequence[str]) -> list[Guideline]:
    """Return the named experiments in the catalogue's order, once each; "all" means every one.

    Raises BadInputError for a name that is not in the catalogue.
    """
    for name in names:
        if name != "all" and name not in GUIDELINES:
            hint = suggestion(name, [*GUIDELINES, "all"])
            raise BadInputError(f"There is no experiment {name!r}. {hint}")
    if "all" in names:
        return list(GUIDELINES.values())
    return [guideline for name, guideline in GUIDELINES.items() if name in names]
