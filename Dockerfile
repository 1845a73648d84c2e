# syntax=docker/dockerfile:1

FROM --platform=$BUILDPLATFORM golang:1.26.8-bookworm AS build
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

FROM debian:bookworm-slim
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
