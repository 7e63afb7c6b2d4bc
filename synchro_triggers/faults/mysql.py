"""Error numbers of MySQL and MariaDB, as mysqlclient and PyMySQL hand them on."""

from __future__ import annotations

from .kinds import Kind

#: Drivers, by the packages that their exceptions come from.
_DRIVERS = {"MySQLdb", "pymysql"}

#: The server cannot be reached, does not let us in, shuts down, or has ended the session.
_LOST = {
    *(1044, 1045, 1049, 1130, 1129, 1698),  # access, no such database, a host that is not let in
    *(1053, 1077, 1079),  # it shuts down
    *(1152, 1158, 1159, 1160, 1161, 1184, 1927),  # the session was ended, or a packet did not get through
    *(2001, 2002, 2003, 2005, 2006, 2012, 2013, 2026, 2055),  # of the client: no connection, or no longer
}

#: No free connection, no room on the disk, no memory, read-only as a whole.
_REFUSES = {1021, 1037, 1040, 1041, 1114, 1203, 1226, 1290, 1836}

#: A lock that was not to be had in time, a deadlock, a row that somebody has changed meanwhile.
_CONTENDED = {1020, 1205, 1213, 3572}


def kind_of(error: BaseException) -> Kind | None:
    """Return what an error of mysqlclient or PyMySQL speaks of; ``None``: it is none."""
    if not isinstance(error, Exception) or not is_of_driver(error):
        return None
    number = error.args[0] if error.args else 0
    if not isinstance(number, int) or number <= 0:  # of the driver itself: a closed connection, or a value
        return Kind.UNSAID if type(error).__name__ in {"InterfaceError", "OperationalError"} else Kind.STATEMENT
    if number in _LOST:
        return Kind.LOST
    if number in _REFUSES:
        return Kind.REFUSES
    return Kind.CONTENDED if number in _CONTENDED else Kind.STATEMENT


def is_of_driver(error: BaseException) -> bool:
    """Tell whether an exception is one of a driver's."""
    return any(base.__module__.partition(".")[0] in _DRIVERS for base in type(error).__mro__)
