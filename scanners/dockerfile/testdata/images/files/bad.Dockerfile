# escape=`
FROM ubuntu
FROM --platform=linux/amd64 registry.example.com:5000/team/app:latest AS build
FROM build
USER app
