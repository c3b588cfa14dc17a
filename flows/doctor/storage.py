"""DVC's repository and remote, and the S3 server."""

import os
from collections.abc import Iterator
from typing import Any

from flows import repro
from flows.doctor.finding import Finding, absent, fail, ok
from schemas.errors import WinnowError


def check_repository() -> Iterator[Finding]:
    """Whether DVC reads this checkout and its pipeline."""
    try:
        stages = repro.stage_names()
    except WinnowError as error:
        yield fail("dvc", " ".join(str(error).split()), "git checkout dvc.yaml .dvc, or: dvc init")
        return
    yield ok("dvc", f"{len(stages)} stages in dvc.yaml")


def check_remote() -> Iterator[Finding]:
    """Whether DVC's default remote answers; it need not hold anything yet."""
    try:
        remote = repro.default_remote()
    except WinnowError as error:
        yield fail("dvc remote", " ".join(str(error).split()), "dvc remote list; .dvc/config")
        return
    if remote is None:
        mend = "winnow init-remote s3://BUCKET/PREFIX, or a folder"
        yield absent("dvc remote", "artifacts stay on this machine", mend)
        return
    problem = repro.remote_problem(remote)
    if problem:
        mend = "start it or its network, or: dvc remote modify " + remote.name + " endpointurl URL"
        yield fail("dvc remote", f"{remote.name} = {remote.url}: {problem}", mend)
    else:
        yield ok("dvc remote", f"{remote.name} = {remote.url}")


def check_s3() -> Iterator[Finding]:
    """Whether the S3 server of AWS_ENDPOINT_URL answers to these credentials."""
    url = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")
    if not url:
        mend = "make services, or: export AWS_ENDPOINT_URL=URL (AWS's own needs none)"
        yield absent("s3", "no AWS_ENDPOINT_URL", mend)
        return
    yield _asked(url)


def _asked(url: str) -> Finding:
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    from flows.services.objects import s3_client

    client: Any = s3_client(url, os.environ.get("AWS_REGION", "us-east-1"))
    try:
        buckets = [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]
    except NoCredentialsError:
        mend = "export AWS_SHARED_CREDENTIALS_FILE=FILE, or AWS_PROFILE=NAME"
        return fail("s3", f"{url}: no credentials", mend)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code == "AccessDenied":
            return ok("s3", f"{url} answers; these credentials may not list buckets")
        return fail("s3", f"{url} refuses: {code}", "the right key in AWS_SHARED_CREDENTIALS_FILE")
    except BotoCoreError as error:
        return fail("s3", f"{url} does not answer: {error}", "make services")
    return ok("s3", f"{url}, buckets: {', '.join(buckets) or 'none'}")
