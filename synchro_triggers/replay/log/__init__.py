"""What is new: positions, windows, pages, changes."""
