"""Which networks distances are taken on, as users name them."""

from pathlib import Path
from typing import Literal, get_args

from animecam_training.errors import ConfigError

MetricNetwork = Literal["squeezenet1_1", "inception", "alexnet"]
"""squeezenet1_1: squeeze KID and squeeze distance; inception: FID, KID, Inception Score; alexnet: LPIPS."""

NETWORKS: tuple[MetricNetwork, ...] = get_args(MetricNetwork)
BUNDLED: MetricNetwork = "squeezenet1_1"


def parse_network(words: str) -> tuple[MetricNetwork, Path | None]:
    """A network, and a file of its weights if one is named: "NAME" or "NAME=FILE".

    Raises:
        ConfigError: There is no such network, or it takes no file.
    """
    name, has_file, file = words.partition("=")
    for network in NETWORKS:
        if name == network:
            break
    else:
        raise ConfigError(f"no figure is taken on a network {name!r}", hint="known: " + ", ".join(NETWORKS))
    if has_file and network == BUNDLED:
        hint = f"--features {BUNDLED}: figures of other weights would not compare with its own"
        raise ConfigError(f"{BUNDLED} comes with the program and takes no file", hint=hint)
    if has_file and not file:
        raise ConfigError(f"--features {words} names no file", hint=f"--features {name}=FILE, or --features {name}")
    return network, Path(file) if file else None
