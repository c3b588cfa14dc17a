"""What LanceDB must be told to reach the S3 server that the AWS variables or profile name."""

from typing import Final

from botocore.configprovider import ConfiguredEndpointProvider
from botocore.session import Session

_RETRIES: Final = {"client_max_retries": "5", "client_retry_timeout": "60"}  # LanceDB's own


def lance_options() -> dict[str, str]:
    """Endpoint, region and bounded retries; LanceDB finds the credentials itself."""
    session = Session()
    options = dict(_RETRIES)
    if region := session.get_config_variable("region"):
        options["region"] = region
    endpoint = ConfiguredEndpointProvider(
        full_config=session.full_config,
        scoped_config=session.get_scoped_config(),
        client_name="s3",
    ).provide()
    if endpoint:
        plain = str(endpoint).startswith("http://")  # refused unless it is asked for
        options |= {"endpoint": endpoint, "allow_http": str(plain).lower()}
    return options
