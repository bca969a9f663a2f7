"""What the ``ogptn`` command says when something is wrong: one plain sentence, what to do, and an exit code."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the ``ogptn`` command. Documented in ``docs/administrator.md``; scripts rely on them."""

    OK = 0
    #: Something failed that has no code of its own.
    FAILED = 1
    #: The command line is wrong (click's own code).
    USAGE = 2
    #: A port is taken, by another program or another portal.
    PORT_TAKEN = 10
    #: The data directory cannot be written.
    NO_PERMISSION = 11
    #: The disk is full, or too full to start safely.
    DISK_FULL = 12
    #: A service stopped by itself or was killed.
    SERVICE_DIED = 13
    #: A service named by a ``CKAN_*`` variable does not answer.
    UNREACHABLE = 14
    #: ``ogptn`` needs something that is not installed.
    MISSING = 15
    #: The portal is not running.
    NOT_RUNNING = 16
    #: Another ``ogptn`` command is busy with the same data directory.
    BUSY = 17


class StackError(Exception):
    """A problem that the reader can act on.

    :param sentence: what happened, in plain words.
    :param hint: what to do about it.
    :param code: the exit code of the command.
    """

    def __init__(self, sentence: str, hint: str = "", code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint
        self.code = code
