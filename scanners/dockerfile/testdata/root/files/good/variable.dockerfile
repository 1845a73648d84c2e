ARG BASE=debian:12
FROM ${BASE}
COPY app /app
