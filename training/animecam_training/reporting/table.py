"""What an evaluation measured, as a table for the terminal."""

from rich.table import Table

from animecam_training.reporting.evaluation import Evaluation


def figure_table(result: Evaluation) -> Table:
    """One row a figure, those that were not measured left out."""
    figures = result.figures
    table = Table("figure", "value")
    table.add_row("portraits", str(figures.pictures))
    table.add_row("squeeze KID to the style, share of the photos' own", f"{figures.relative_distance:.3f}")
    table.add_row("squeeze distance to the photo", f"{figures.squeeze_distance:.3f}")
    table.add_row("PSNR to the photo, dB", f"{figures.psnr_db:.1f}")
    if figures.identity:
        table.add_row("identity cosine, mean", f"{figures.identity.mean:.3f}")
        table.add_row("identity cosine, worst", f"{figures.identity.worst:.3f}")
    if result.flicker:
        cuts = f"; cuts left out: {result.flicker.cuts}" if result.flicker.cuts else ""
        table.add_row("flicker, times the source's", f"{result.flicker.ratio:.2f}{cuts}")
    if result.tint:
        worst = f"; {result.tint.worst:.1f} before the {result.tint.worst_wall} one"
        table.add_row("tint of faces before vivid walls, a*b*", f"{result.tint.mean:.1f}{worst}")
    if result.inception:
        table.add_row("FID to the style", f"{result.inception.fid:.1f}")
        table.add_row("KID to the style", f"{result.inception.kid:.4f}")
        table.add_row("Inception Score", f"{result.inception.inception_score:.2f}")
    if result.teacher:
        table.add_row("squeeze distance to the teacher", f"{result.teacher.squeeze_distance:.3f}")
        table.add_row("PSNR to the teacher, dB", f"{result.teacher.psnr_db:.1f}")
    if result.drawings:
        ways = (
            (result.drawings.clear, ""),
            (result.drawings.poor, ", as a poor webcam sees them"),
            (result.drawings.small, ", four in one picture"),
        )
        for errors, seen in ways:
            places = {"heads": errors.whole, "eyes and mouth": errors.parts, "grown beards": errors.beard}
            for place, error in places.items():
                if error is not None:
                    table.add_row(f"L1 to the drawings, {place}{seen}", f"{error:.3f}")
    if result.lpips is not None:
        table.add_row("LPIPS (AlexNet) to the photo", f"{result.lpips:.3f}")
    return table
