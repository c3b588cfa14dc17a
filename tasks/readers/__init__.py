"""Sources as records: files of every kind, one reader per format."""
