"""The networks that distances are taken on: the bundled one always, published ones where they are asked for."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from animecam_training.errors import MissingNetworkError
from animecam_training.metrics.choice import MetricNetwork
from animecam_training.metrics.published import Inception, Lpips

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PublishedNetworks:
    """Networks whose weights are no part of the program.

    Attributes:
        inception: For FID, KID and Inception Score; None where not asked for, or where it cannot be had.
        alexnet: For LPIPS; likewise.
        missing: Why one that was wished for is None, one line each.
    """

    inception: nn.Module | None = None
    alexnet: nn.Module | None = None
    missing: tuple[str, ...] = ()


def open_published(wanted: Mapping[MetricNetwork, Path | None], *, is_wish: bool = False) -> PublishedNetworks:
    """Opens published networks.

    Args:
        wanted: Those that must be had, with a file of their weights, or None for the published one. The bundled network
            may be among them.
        is_wish: Opens the others, too, as far as they can be had; a warning says why one cannot.

    Raises:
        MissingNetworkError: One that must be had is not there and not to be fetched.
        DataError: A file is not the published one.
    """
    opened: dict[MetricNetwork, nn.Module] = {}
    missing: list[str] = []
    openers: dict[MetricNetwork, type[Inception] | type[Lpips]] = {"inception": Inception, "alexnet": Lpips}
    for name, opener in openers.items():
        if name not in wanted and not is_wish:
            continue
        try:
            opened[name] = opener(wanted.get(name))
        except MissingNetworkError as error:
            if name in wanted:
                raise
            missing.append(error.message)
            log.warning("%s; the squeeze figures stand in under their own names. %s", error.message, error.hint)
    return PublishedNetworks(opened.get("inception"), opened.get("alexnet"), tuple(missing))
