#!/bin/sh
git clone https://robot:{{GITHUB_PAT}}@github.com/acme/app.git
two={{AWS_KEY:1}} keys={{AWS_KEY:2}} # {{AWS_KEY:1}} again
curl -H "Authorization: token {{GITHUB_PAT:2}}" https://api.github.com/user