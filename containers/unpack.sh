#!/bin/sh
# Runs in the root of the base image: unpacks the packages that standard input names, and what they need, over what is
# installed. No file that is there is replaced, nothing is enabled but sshd.
set -eu

work=$(mktemp -d)
sed '/^#/d' >"$work/names"
cd "$work"
while read -r name; do
  # In the plan "Inst NAME (VERSION ..." is new; "Inst NAME [OLD] (..." is installed already.
  apt-get -s install --no-install-recommends "$name" | awk '$1 == "Inst" && $3 !~ /^\[/ { print $2 }'
done <names | sort -u >plan
xargs apt-get -qq -o APT::Sandbox::User=root download <plan
for package in ./*.deb; do
  dpkg --fsys-tarfile "$package" | tar -x -C / --skip-old-files --keep-directory-symlink
done
cd /
rm -rf "$work"
ldconfig

# What the packages' own scripts would have made.
useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin --user-group Debian-exim
useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin --gid nogroup proftpd
useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin --gid mail cyrus
systemctl --root=/ disable dovecot.service dovecot.socket postfix.service saslauthd.service vsftpd.service e2scrub_reap.service 2>/dev/null
