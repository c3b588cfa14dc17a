"""Two subsets beside each other: rows, metrics, shares of groups. Files in, plain tables out."""
