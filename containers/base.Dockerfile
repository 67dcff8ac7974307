# The base of all test machines where a registry answers; elsewhere images.sh makes the same with mmdebstrap.
FROM debian:bookworm-slim
COPY packages /tmp/packages
RUN apt-get update \
 && sed '/^#/d' /tmp/packages | DEBIAN_FRONTEND=noninteractive xargs apt-get install -y --no-install-recommends \
 && rm -rf /var/lib/apt/lists/* /tmp/packages
