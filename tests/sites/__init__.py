"""Whole products: other people's, installed from the registry into an environment of their own (``make sites``)."""
