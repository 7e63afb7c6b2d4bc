"""Keys that are no row's: of objects that are gone, and of texts that no field reads. Pure."""

from __future__ import annotations


class FormerKey(str):
    """The key of an object that was deleted before its key was given out again: ``key~id of the delete's log row``.

    It is a text where keys are numbers: nothing on LOCAL has it, and no other object's reference.
    """

    __slots__ = ()

    @classmethod
    def of(cls, key: object, ended: int) -> FormerKey:
        return cls(f"{key}~{ended}")

    @staticmethod
    def is_one(text: str) -> bool:
        """Tell whether a text looks like one."""
        _, mark, ended = text.rpartition("~")
        return bool(mark) and ended.isdecimal() and ended.isascii()

    @property
    def number(self) -> str:
        """The key as it was, and is another object's now."""
        return self.rpartition("~")[0]

    @property
    def ended(self) -> int:
        """The id of the log row that says that the object is gone."""
        return int(self.rpartition("~")[2])


class Unreadable(str):
    """A logged key that Python cannot read as what it is."""

    __slots__ = ()
