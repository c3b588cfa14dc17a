"""Errors that tell a person what was expected, what was found, where, and what to do."""

from schemas.plain import plain_lines


class WinnowError(Exception):
    """A problem the user can act on; shown without a traceback, exit status 1.

    Its words may hold names of files and columns: what would steer a terminal is shown escaped.
    """

    exit_status = 1

    def __init__(self, problem: str, *, expected: str = "", where: str = "", remedy: str = ""):
        self.problem, self.expected, self.where, self.remedy = problem, expected, where, remedy
        super().__init__(problem)  # pickle calls the class with this, then restores the rest

    def __str__(self) -> str:
        lines = [self.problem]
        for label, text in (
            ("expected", self.expected),
            ("where", self.where),
            ("remedy", self.remedy),
        ):
            if text:
                lines.append(f"  {label}: {text}")
        return plain_lines("\n".join(lines))


class SettingsError(WinnowError):
    """A parameter is unknown, out of bounds or in conflict with another; exit status 2."""

    exit_status = 2


class SourceError(WinnowError):
    """An input file cannot be found or read at all."""


class SourceChangedError(SourceError):
    """An input file is no longer the one that was looked at: replaced, cut or deleted."""


class StorageError(WinnowError):
    """Object storage refuses, or is not what was expected."""


class TransferError(StorageError):
    """Object storage could not be reached or broke off: trying again may help; exit status 75."""

    exit_status = 75  # EX_TEMPFAIL of sysexits.h


class QuarantineError(WinnowError):
    """More records were refused than `ingest.max_quarantine_share` allows."""


class ContractError(WinnowError):
    """A table breaks its schema, or rows were lost between stages."""


class InfeasibleError(WinnowError):
    """Budget, floors, caps and must-include rows cannot all be met; names the conflict."""


class BusyError(WinnowError):
    """Another run holds this checkout."""
