"""What users are told when there are more faces than are drawn: nothing else shows why the picture is as it is."""

from animecam.settings import Look, Scope, Unseen

_WHAT_HAPPENS = {Unseen.DRAW: "so it is drawn whole", Unseen.BLUR: "so it is blurred"}


def told_of_crowd(faces: int, left_out: int, look: Look) -> str:
    """One line with what to do; empty where there is nothing to tell.

    Args:
        faces: Those that are drawn.
        left_out: How many more there are.
        look: How they are drawn.
    """
    said = crowd_said(left_out, look)
    return said and f"{said}: `max_faces={faces + left_out}` draws all"


def crowd_said(left_out: int, look: Look) -> str:
    """As `told_of_crowd`, for those who have no command line."""
    if not left_out:
        return ""
    more = f"{left_out} more {'face' if left_out == 1 else 'faces'} in the picture"
    stay = "is not drawn" if left_out == 1 else "are not drawn"
    if look.scope is not Scope.HEAD:
        return f"{more} {'is' if left_out == 1 else 'are'} drawn coarser than the others"
    return f"{more} {stay}" if look.unseen is Unseen.KEEP else f"{more}, {_WHAT_HAPPENS[look.unseen]}"
