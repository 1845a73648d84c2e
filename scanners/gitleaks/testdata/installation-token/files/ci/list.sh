#!/bin/sh
curl -H "Authorization: Bearer {{GITHUB_APP}}" https://api.github.com/installation/repositories
export TOKEN={{GITHUB_APP:other}}
# ghs_123456_is.not.one and neither is ghs_TOKEN
