"""Photos for INT8: those that ranges are taken from, and those that are held out."""

from pathlib import Path

from animecam_export.int8_style import Int8Options, split_photos


def test_photos_that_are_named_to_be_held_out_are_not_used(tmp_path: Path):
    """Of a folder inside the other one both took all: the comparison was with photos that ranges were taken from."""
    unseen = tmp_path / "unseen"
    unseen.mkdir()
    for number in range(3):
        for name in (f"seen{number}_0.in.png", f"unseen/person{number}_0.in.png", f"unseen/person{number}_1.in.png"):
            (tmp_path / name).touch()
    (tmp_path / "link_0.in.png").symlink_to(unseen / "person0_0.in.png")
    seen, held_out = split_photos(Int8Options(tmp_path, unseen))
    assert sorted(one.name for one in seen) == [f"seen{number}_0.in.png" for number in range(3)]
    assert len(held_out) == 6
    assert split_photos(Int8Options(unseen, unseen))[0] == []
