# A static binary on an empty image:
#
#     docker build -t httpcycle_exporter .
#     docker run -p 10409:10409 -v ./example.yml:/etc/httpcycle_exporter/httpcycle.yml:ro httpcycle_exporter

ARG RUST_IMAGE=docker.io/library/rust:1.95-bookworm
# Nothing is needed of it: the binary is static and brings its authorities.
ARG RUNTIME_IMAGE=scratch

FROM ${RUST_IMAGE} AS build
ARG REVISION=unknown
WORKDIR /build
COPY . .
# The target is named so that the flag for static linking does not reach build scripts and macros,
# which cannot be linked statically.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    host=$(rustc -vV | sed -n 's/^host: //p') \
    && CARGO_HOME=/usr/local/cargo \
       CARGO_PROFILE_RELEASE_STRIP=symbols \
       HTTPCYCLE_REVISION="$REVISION" \
       HTTPCYCLE_RUSTVERSION=$(rustc --version | cut -d' ' -f2) \
       RUSTFLAGS='-C target-feature=+crt-static' \
       cargo build --release --locked --bin httpcycle_exporter \
           --target "$host" --target-dir /build/target \
    && cp "/build/target/$host/release/httpcycle_exporter" /httpcycle_exporter

FROM ${RUNTIME_IMAGE}
ARG REVISION=unknown
# Nothing of when or where it was built: the same commit makes the same labels.
LABEL org.opencontainers.image.title="httpcycle_exporter" \
      org.opencontainers.image.description="How long each phase of the HTTP cycle takes and how often each status code comes back, 409 Conflict in particular" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="${REVISION}"
# The authorities whose certificates are trusted, unless a module names its own.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /httpcycle_exporter /bin/httpcycle_exporter
USER 65532:65532
EXPOSE 10409
HEALTHCHECK --interval=10s --timeout=5s CMD ["/bin/httpcycle_exporter", "healthcheck"]
ENTRYPOINT ["/bin/httpcycle_exporter"]
CMD ["--config.file=/etc/httpcycle_exporter/httpcycle.yml"]
