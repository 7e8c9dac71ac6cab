"""The drawing "anime": a face re-drawn with an animator's proportions."""
