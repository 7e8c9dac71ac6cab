"""What is known of a runtime on this machine without loading a network."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackendStatus:
    """A runtime on this machine.

    Attributes:
        name: As in `BackendChoice`.
        usable: Whether it can compute here.
        version: Of the runtime; empty when it is not installed.
        device: Name of the processor or GPU it would use; empty when it is not usable.
        precisions: What it computes in natively here, from the most to the least precise: "f32", "bf16", "f16", "int8".
        problem: Why it is not usable; empty when it is.
        hint: What to do about it; empty when there is nothing to do.
    """

    name: str
    usable: bool
    version: str = ""
    device: str = ""
    precisions: tuple[str, ...] = ()
    problem: str = ""
    hint: str = ""

    @property
    def detail(self) -> str:
        """One line: what was found, or what is wrong."""
        if not self.usable:
            return self.problem
        return f"{self.version} on {self.device}: {', '.join(self.precisions)}"
