"""Pictures for training: preparing folders, reading them, cutting and augmenting crops."""
