"""A database engine of a vendor without capture."""
