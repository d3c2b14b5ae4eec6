"""What outlives a process: one SQLite file of runs, epochs and the queue, and files beside it."""
