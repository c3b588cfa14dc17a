"""Which failures count as broken transfers, and what a stage then ends with."""

import botocore.exceptions
import pytest

from flows.curate import may_help
from flows.repro import failure
from schemas.errors import ContractError, SettingsError, TransferError, WinnowError
from tasks.transfer import transfer_error


def lost(cause: Exception) -> Exception:
    """An error that a library raised from `cause`."""
    error = OSError("cannot read s3://bucket/rows.jsonl")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError("peer"),
        TimeoutError(),
        botocore.exceptions.EndpointConnectionError(endpoint_url="http://127.0.0.1:9"),
        botocore.exceptions.ReadTimeoutError(endpoint_url="http://127.0.0.1:9"),
        lost(ConnectionRefusedError()),
        RuntimeError("lance error: LanceError(IO): Generic S3 error: error sending request"),
    ],
)
def test_a_lost_connection_is_a_broken_transfer(error):
    told = transfer_error(error)
    assert isinstance(told, TransferError)
    assert "object storage could not be reached" in str(told)


@pytest.mark.parametrize(
    "error",
    [
        ContractError("rows were lost"),
        ValueError("connection refused"),
        FileNotFoundError("rows.jsonl"),
        PermissionError("denied"),
        RuntimeError("lance error: schema mismatch"),
    ],
)
def test_any_other_failure_is_none(error):
    assert transfer_error(error) is None


@pytest.mark.parametrize(
    ("status", "kind", "again"),
    [(1, WinnowError, False), (2, SettingsError, False), (75, TransferError, True)],
)
def test_the_status_of_a_stage_says_what_kind_of_error_it_was(status, kind, again):
    from prefect.states import Failed

    said = [
        "choose stopped: no",
        "  expected: yes",
        f"ERROR: failed to reproduce 'choose': failed to run: python -m tasks.choose, "
        f"exited with {status}",
    ]
    error = failure("choose", said)
    assert type(error) is kind
    assert str(error) == "choose stopped: no\n  expected: yes"
    assert may_help(None, None, Failed(data=error)) is again
