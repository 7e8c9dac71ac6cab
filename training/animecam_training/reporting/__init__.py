"""What came of a run: figures, tables, plots, pages."""
