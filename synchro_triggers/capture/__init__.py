"""Capture: triggers in the LOCAL database write every change to the changelog."""
