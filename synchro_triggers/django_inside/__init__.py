"""What reaches into Django: each module says on what it relies, and ``expected`` looks whether that still holds.

Where it does not, the package takes Django's own, slower way, and a system check says so (``synchro_triggers.W016``).
"""
