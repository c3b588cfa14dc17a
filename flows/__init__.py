"""Flows, the command line and the only calls to DVC and Prefect."""
