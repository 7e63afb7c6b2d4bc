"""What is to be done: tasks, their targets, their order, conflicts, decisions."""
