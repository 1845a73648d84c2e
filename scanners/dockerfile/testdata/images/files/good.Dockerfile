ARG VERSION=latest
FROM scratch AS empty
FROM ubuntu:24.04 AS ubuntu
FROM node:${VERSION} AS node
FROM alpine@sha256:c5b1261d6d3e43071626931fc004f70149baeba2c8ec672bd4f27761f8e1ad6b AS alpine
FROM registry:5000/app:1 AS app
FROM ubuntu
USER app
