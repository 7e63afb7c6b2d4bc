"""The admin view: synchronise and reset without a shell."""
