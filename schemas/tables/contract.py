"""What the contracts of all tables share."""

import pandera.polars as pa

SHA256 = r"^[0-9a-f]{64}$"
VERDICTS = ["kept", "dropped", "quarantined"]


class Table(pa.DataFrameModel):
    """A table whose columns are all declared."""

    class Config:
        strict = True
        ordered = False
