"""The edges of the disk: Parquet in rows, LanceDB in vectors."""
