"""What the IRM and civil society recommend, to whom, what was answered, and what became of it."""
