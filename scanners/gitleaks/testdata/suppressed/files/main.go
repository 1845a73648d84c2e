package main

const key = "{{AWS_KEY}}" // gitleaks:allow
