"""Running cells: tasks, workers, limits, scoring."""
