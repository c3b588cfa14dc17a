"""No telemetry, and no download behind a user's back."""

import os

SILENT = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "HF_HUB_OFFLINE": "1",
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # slow disks take over its 20 s
}


def be_quiet() -> None:
    """Set the switches for this process and its children; what the user has set stays."""
    for name, value in SILENT.items():
        os.environ.setdefault(name, value)
