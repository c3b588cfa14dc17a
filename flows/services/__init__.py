"""PostgreSQL, an S3 server, Prefect's server and a worker as processes of this machine.

The same roles as infra/compose.yaml, from the same settings (infra/services.env), for people
without Docker and for tests. Everything they keep lies in one folder, `.services`.
"""
