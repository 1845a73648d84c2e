import os

REGION = "eu-central-1"
AWS_ACCESS_KEY_ID = "{{AWS_KEY}}"
def client():
    slack = Slack(token="{{SLACK_TOKEN}}")
    return slack, os.environ["DATABASE_URL"]
