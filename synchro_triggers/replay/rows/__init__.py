"""Reading and writing rows by SQL; what differs between vendors is in files named after them."""
