"""What things look like: settings, tables, results, manifests, errors. Imports nothing of ours."""
