"""What a run computes with, as its checkpoints note it: enough to set it up again without the source's history."""

import platform

import torch

import animecam


def surroundings(device: torch.device) -> dict[str, str]:
    """Versions and the device, by name."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "animecam": animecam.__version__,
        "torch": str(torch.__version__),
        "python": platform.python_version(),
        "device": f"{device.type} {name}",
    }
