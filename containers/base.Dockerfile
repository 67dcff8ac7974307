# The base of all test machines where a registry answers; elsewhere images.sh makes the same with mmdebstrap.
FROM debian:bookworm-slim
COPY packages unpacked unpack.sh /tmp/
RUN apt-get update \
 && sed '/^#/d' /tmp/packages | DEBIAN_FRONTEND=noninteractive xargs apt-get install -y --no-install-recommends \
 && sh /tmp/unpack.sh </tmp/unpacked \
 && rm -rf /var/lib/apt/lists/* /tmp/packages /tmp/unpacked /tmp/unpack.sh
