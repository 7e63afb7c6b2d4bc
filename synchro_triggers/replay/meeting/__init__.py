"""First meetings, and telling which object is which after both sides were made equal by hand."""
