"""What differs between databases of different vendors, whatever is done with them: a file a vendor."""
