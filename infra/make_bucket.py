"""Make the bucket S3_BUCKET of infra/compose.yaml, if there is none. Keys and address: AWS_*."""

import os

import botocore.session

client = botocore.session.Session().create_client("s3")
names = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
if os.environ["S3_BUCKET"] not in names:
    client.create_bucket(Bucket=os.environ["S3_BUCKET"])
