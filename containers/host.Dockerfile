# A host to be protected: systemd as PID 1, journald, sshd, the .NET runtime, RateWall as packaging/install.sh leaves it.
ARG BASE
FROM ${BASE}
COPY dotnet /usr/share/dotnet
COPY entrypoint.sh /usr/local/sbin/test-entrypoint
COPY root /
COPY daemons.sh /tmp/daemons.sh
RUN sh /tmp/daemons.sh && rm /tmp/daemons.sh
# The journal survives a restart of the container; unit logs of sshd are read from it.
RUN mkdir -p /var/log/journal && rm -f /etc/machine-id && touch /etc/machine-id
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT ["/usr/local/sbin/test-entrypoint"]
