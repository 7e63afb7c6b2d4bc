"""Which object is which."""
