"""A recipe: its values, its files, what they must obey and what they change."""
