# syntax=docker/dockerfile:1

# The bases are pinned by digest, of all platforms, so that a build tomorrow is the one of today. Renew both together.
FROM --platform=$BUILDPLATFORM golang:1.26.8-bookworm@sha256:a688600ca24f8a4d3ca77f95b0dd40704a9fc787c826660eb7ba0b641b8b175d AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH
# Pure Go, SQLite included: no C library is needed at run time.
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w" -o /secbydesign ./cmd/secbydesign
# An empty folder to copy, because the final image's /data must belong to its user.
RUN mkdir /data

FROM debian:bookworm-slim@sha256:3783cc01769c7b2b1b83a5c5ad96c815348e28ed7da68e2e3687004faa906251
# git fetches what is reviewed; ca-certificates lets it and us trust GitHub.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates git \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /secbydesign /usr/local/bin/secbydesign
COPY --from=build --chown=65532:65532 /data /data
# A number, so that Kubernetes can see that it is not root (runAsNonRoot).
USER 65532:65532
ENV SECBYDESIGN_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
# No HEALTHCHECK: the image has no program that asks over HTTP; use GET /healthz and /readyz.
ENTRYPOINT ["secbydesign"]
CMD ["serve"]
