"""Whether both databases hold the same objects, and what differs."""
