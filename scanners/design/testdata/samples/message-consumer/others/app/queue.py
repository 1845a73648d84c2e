import boto3

sqs = boto3.client("sqs", region_name="eu-west-1")
s3 = boto3.client("s3")
