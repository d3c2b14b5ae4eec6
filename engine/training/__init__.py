"""Training a group of runs: the trainer and its parts. The only engine code that needs torch."""
