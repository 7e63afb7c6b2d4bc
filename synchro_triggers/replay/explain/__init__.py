"""Everything that is known of one object, and what the next run would do with it, and why."""
