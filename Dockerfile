# Builds the service and packs it alone: no compiler, no source, no root, and nothing fetched when it runs.
#
#   docker build --tag samsyn .
#   docker run --publish 8080:8080 --volume samsyn:/data --env SAMSYN_PUBLIC_URL=http://localhost:8080 samsyn

FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
# A C compiler is all that SQLite, aws-lc, zstd and mimalloc need beside Rust, and the image has one.
# .cargo/config.toml comes along: it holds the flags that SQLite is built with.
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    cargo build --release --locked -p samsyn

FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="Samsyn" \
      org.opencontainers.image.description="Municipalities, regions and civil society work together against segregation" \
      org.opencontainers.image.licenses="Apache-2.0"
# By number too, so that a platform can see that it is not root. Only /data can be written.
RUN groupadd --gid 10001 samsyn \
    && useradd --uid 10001 --gid samsyn --no-create-home --home-dir /data --shell /usr/sbin/nologin samsyn \
    && install --directory --owner=samsyn --group=samsyn --mode=0700 /data
# Whom TLS to mail servers and identity providers trusts.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY LICENSE /usr/share/doc/samsyn/LICENSE
COPY --from=build /build/target/release/samsyn /usr/local/bin/samsyn

USER 10001:10001
WORKDIR /data
VOLUME /data
ENV SAMSYN_LISTEN=0.0.0.0:8080 \
    SAMSYN_DATABASE_URL=sqlite:/data/samsyn.db
EXPOSE 8080
# Asks readiness without a program of its own: bash opens the connection and reads the first line of the answer.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${SAMSYN_LISTEN##*:} && printf 'GET /health/ready HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r answer <&3 && [[ $answer == 'HTTP/1.1 200 '* ]]"]
ENTRYPOINT ["samsyn"]
CMD ["serve"]
