"""What users are told when there are more faces than are drawn: nothing else shows why the picture is as it is."""

from animecam.settings import Look, Scope, Unseen

_WHAT_HAPPENS = {Unseen.DRAW: "so it is drawn whole", Unseen.BLUR: "so it is blurred"}


def told_of_crowd(faces: int, left_out: int, look: Look) -> str:
    """One line; empty where there is nothing to tell.

    Args:
        faces: Those that are drawn.
        left_out: How many more there are.
        look: How they are drawn.
    """
    if not left_out:
        return ""
    more = f"{left_out} more {'face' if left_out == 1 else 'faces'} in the picture"
    stay = "is not drawn" if left_out == 1 else "are not drawn"
    if look.scope is not Scope.HEAD:
        what = f" {'is' if left_out == 1 else 'are'} drawn coarser than the others"
    else:
        what = f" {stay}" if look.unseen is Unseen.KEEP else f", {_WHAT_HAPPENS[look.unseen]}"
    return f"{more}{what}: --max-faces {faces + left_out} draws all"
