"""What an exception speaks of: a database that is gone, somebody else's lock, or one object."""
