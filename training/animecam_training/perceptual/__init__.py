"""Frozen image networks whose features measure how alike two pictures are."""
