"""Heads cut out of a photo, changed and drawn, each with what belongs to it beside it."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from animecam_training.data.beards import grow_beard
from animecam_training.data.crops import crop_head, is_frontal
from animecam_training.data.expressions import change_expression
from animecam_training.data.glasses import wear_glasses
from animecam_training.data.gloss import let_shine
from animecam_training.data.index import KEPT, Verdict
from animecam_training.data.names import (
    BACKGROUND_SUFFIX,
    BARE_SUFFIX,
    BEARD_SUFFIX,
    COMPANIONS,
    INPUT_SUFFIX,
    PARTS_SUFFIX,
    REGIONS_SUFFIX,
    TARGET_SUFFIX,
    WORN_SUFFIX,
)
from animecam_training.data.pictures import write_labels, write_layer, write_mask, write_picture
from animecam_training.data.prepare_options import PrepareOptions
from animecam_training.data.shadows import shade_lip
from animecam_training.data.turns import change_pose
from animecam_training.data.walls import find_background
from animecam_training.faces import FaceFinder, FoundFace, Image
from animecam_training.ops.superpixels import find_superpixels
from animecam_training.target.face import Growth, find_growth
from animecam_training.target.geometry import eyes_and_mouth
from animecam_training.target.light import even_light


def make_heads(image: Image, stem: Path, finder: FaceFinder, options: PrepareOptions) -> Verdict:
    """Writes the heads that are wanted of a photo's surest face.

    Args:
        image: RGB uint8 [H, W, 3].
        stem: Of the files' names; the number of the copy and what each file is come after it.
        finder: Finds the face, in the photo and in what was cut out of it.
        options: How many, and what is made of each.

    Returns:
        Whether any was made, or why not.

    Raises:
        DataError: The disk is full or not writable.
    """
    face = finder.find(image)
    if face is None:
        return "no face"
    growth = _growth(image, face, finder, options)
    if growth == "short beard" and options.grows_beards:
        return growth  # it would be painted over: what others get drawn is not to be unlearned
    verdict = "too small"
    copies = max(options.copies, options.beard_copies if growth == "beard" else 0)
    for copy in range(copies):
        rng = np.random.default_rng((options.seed, copy, *stem.name.encode(errors="surrogateescape")))
        crop = crop_head(image, face, options.crop, rng)
        found = finder.find(crop) if crop is not None else None
        if crop is None or found is None:
            continue
        if options.kind == "pairs" and not is_frontal(found):
            verdict = "turned away"
            continue
        _make_head(crop, found, stem.with_name(f"{stem.name}_{copy}"), finder, options, rng)
        verdict = KEPT
    return verdict


def _growth(image: Image, face: FoundFace, finder: FaceFinder, options: PrepareOptions) -> Growth:
    """Whether there is a beard, where that matters. Of an upright head: a whole photo may lie, and takes 20 s."""
    if options.beard_copies <= options.copies and not options.grows_beards:
        return "none"
    upright = replace(options.crop, tilt_deg=0.0, shift=0.0)
    crop = crop_head(image, face, upright, np.random.default_rng(options.seed))
    found = finder.find(crop) if crop is not None else None
    return find_growth(crop, found.mesh, finder.person(crop)) if crop is not None and found is not None else "none"


def _make_head(
    crop: Image, face: FoundFace, stem: Path, finder: FaceFinder, options: PrepareOptions, rng: np.random.Generator
) -> None:
    """Writes a head, perhaps with its looks changed, and what belongs to it; itself last."""

    def beside(suffix: str) -> Path:
        return stem.with_name(stem.name + suffix)

    # Where a run was cut off before its verdict, other files may lie there, and would be believed.
    for suffix in (INPUT_SUFFIX, *COMPANIONS):
        beside(suffix).unlink(missing_ok=True)
    mesh = face.mesh
    # Of a profile the mesh guesses the far eye: nothing is moved there, nor is its light known.
    is_known = is_frontal(face)
    changes = (options.expressions, options.turns, options.gloss, options.even_light)
    expressions, turns, gloss, light = changes if is_known else (0.0,) * len(changes)
    if rng.random() < expressions:
        crop, mesh = change_expression(crop, mesh, rng)
    if turns > 0 and rng.random() < turns:
        crop, mesh = change_pose(crop, mesh, rng)
    has_glasses = bool(rng.random() < options.glasses)
    is_pair = options.kind == "pairs"
    person = finder.person(crop) if is_pair or light > 0 or gloss > 0 or options.backgrounds else None
    does_shine = bool(gloss > 0 and rng.random() < gloss)
    matt = crop
    if does_shine and person is not None:
        crop, matt = let_shine(crop, mesh, person, rng)
    bare = even_light(matt, mesh, person, light) if person is not None else matt
    target = options.draw(bare, mesh, person) if person is not None and is_pair else None
    if not is_pair and (has_glasses or does_shine or light > 0):
        write_picture(bare, beside(BARE_SUFFIX))
    # After the drawing: it would take off what is gray for gloss, and what is thin for a shadow.
    if target is not None and options.grows_beards and rng.random() < options.beards:
        crop, beard = grow_beard(crop, mesh, rng)
        target = beard.over(target)
        write_mask((beard.shape * 255 + 0.5).astype(np.uint8), beside(BEARD_SUFFIX))
    elif target is not None and options.lip_shadows > 0 and rng.random() < options.lip_shadows:
        crop = shade_lip(crop, mesh, rng)
    if has_glasses:
        crop, worn = wear_glasses(crop, mesh, rng)
        write_layer(worn.colour, worn.cover, beside(WORN_SUFFIX))
        target = worn.over(target) if target is not None else None
    if options.backgrounds and person is not None:
        write_layer(*find_background(crop, person), beside(BACKGROUND_SUFFIX))
    if target is not None:
        write_mask(eyes_and_mouth(mesh, crop.shape[:2]), beside(PARTS_SUFFIX))
        write_picture(target, beside(TARGET_SUFFIX))
    else:
        write_labels(find_superpixels(crop), beside(REGIONS_SUFFIX))
    write_picture(crop, beside(INPUT_SUFFIX))
