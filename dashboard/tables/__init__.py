"""The Tables page: its choices, its table, its claims."""
