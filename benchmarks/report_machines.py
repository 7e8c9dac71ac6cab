"""The report on where its figures are from: the machine and the code, and how quiet it was meanwhile."""

from collections.abc import Mapping
from typing import Any

Content = Mapping[str, Any]
"""What a benchmark wrote."""

DIRTY = "-dirty"  # how git calls a checkout in which something differs from its commit
PAGE = "page"  # the section whose own browser counts as another program
QUIET_SHARE = 0.05  # of all cores' time that others may use before figures are doubtful


def machines(contents: Mapping[str, Content]) -> str:
    """The machine, what was measured elsewhere or with other code, and how quiet it was during each benchmark.

    Args:
        contents: JSON of the benchmarks by name.
    """
    here, *elsewhere = sorted(_by_origin(contents), key=len, reverse=True)
    lines = ["## The machine", _described(here)]
    lines += [
        f"**Measured elsewhere, or with other code: {', '.join(group)}.** {_described(group)}" for group in elsewhere
    ]
    loads = [content["machine"]["load"][0] for content in contents.values() if content["machine"]["load"]]
    if loads:
        lines.append(f"Load average over a minute when each benchmark began: {min(loads):.1f} to {max(loads):.1f}.")
    shares = {name: content["machine"]["others_share"] for name, content in contents.items() if name != PAGE}
    told = [f"{name} {share:.0%}" for name, share in shares.items() if share is not None]
    lines.append(f"Share of the cores' time that other programs took meanwhile: {', '.join(told) or 'not known here'}.")
    if any(share is not None and share > QUIET_SHARE for share in shares.values()):
        lines.append("**The machine was not quiet: the times below are too long, and the ratios less certain.**")
    return "\n\n".join(lines)


def _by_origin(contents: Mapping[str, Content]) -> list[Mapping[str, Content]]:
    """The benchmarks in groups: those of a group ran on the same processor and cores, with the same code."""
    groups: dict[tuple[object, ...], dict[str, Content]] = {}
    for name, content in contents.items():
        machine = content["machine"]
        # The results lie in the checkout, too: the first one that is written makes it "dirty" for the rest.
        commit = machine["commit"].removesuffix(DIRTY)
        groups.setdefault((machine["cpu"], machine["cores"], commit), {})[name] = content
    return list(groups.values())


def _described(group: Mapping[str, Content]) -> str:
    """The machine of a group, its code and its days."""
    machine: Content = next(iter(group.values()))["machine"]
    units = ", ".join(machine["vector_units"]) or "no vector units that matter here"
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    days = sorted({content["machine"]["date"] for content in group.values()})
    span = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return (
        f"{machine['cpu']} ({units}){', virtual' if machine['is_virtual'] else ''}, {machine['cores']} cores, "
        f"{machine['memory_gib']:.0f} GiB; {machine['system']}, "
        f"Python {machine['python']}; {packages}; commit {machine['commit'] or 'unknown'}; {span}."
    )
