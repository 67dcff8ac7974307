#!/bin/sh
# Runs in the root of the host image: sets up the daemons that tests attack. They are as Debian leaves them, but for what
# two of a kind cannot share (ports) and the pauses after a refused login. Nothing is started or enabled here.
#
#   vsftpd 21 · proftpd 2121 · dovecot 110 143 4190 · cyrus 1110 1143 14190 · postfix 25 587 · exim 2525
#
# Everywhere bob has the password "correct".
set -eu

useradd --create-home --shell /bin/sh bob
# A cheap hash: the tests log in thousands of times, and it is not what they test.
echo bob:correct | chpasswd --crypt-method SHA256 --sha-rounds 1000
sed -i 's/pam_unix\.so nullok/& nodelay/' /etc/pam.d/common-auth
# No name server answers here, and several daemons would wait for one.
sed -i 's/^hosts:.*/hosts: files/' /etc/nsswitch.conf

# Many log in at once.
echo 'MaxStartups 100' >/etc/ssh/sshd_config.d/startups.conf

cat >>/etc/vsftpd.conf <<'EOF'
delay_failed_login=0
EOF

cat >/etc/proftpd/proftpd.conf <<'EOF'
ServerName test
ServerType standalone
Port 2121
UseIPv6 on
User proftpd
Group nogroup
SyslogLevel debug
AuthOrder mod_auth_pam.c* mod_auth_unix.c
EOF
cat >/etc/pam.d/proftpd <<'EOF'
@include common-auth
@include common-account
@include common-session
EOF

cat >/etc/dovecot/local.conf <<'EOF'
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0666
  }
}
EOF

postconf -e mynetworks=127.0.0.1 smtpd_sasl_auth_enable=yes smtpd_sasl_type=dovecot smtpd_sasl_path=private/auth \
  smtpd_tls_security_level=none myhostname=test.example maillog_file= smtputf8_enable=no
postconf -Me 'submission/inet=submission inet n - y - - smtpd'
postconf -Pe submission/inet/syslog_name=postfix/submission

mkdir -p /etc/exim4 /var/log/exim4 /var/spool/exim4
chown Debian-exim:adm /var/log/exim4
chown Debian-exim:mail /var/spool/exim4
cat >/etc/exim4/exim4.conf <<'EOF'
exim_user = Debian-exim
exim_group = mail
daemon_smtp_ports = 2525
primary_hostname = test.example
log_file_path = /var/log/exim4/%slog : syslog
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts =
acl_smtp_rcpt = deny
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${if and{{eq{$auth2}{bob}}{eq{$auth3}{correct}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${if and{{eq{$auth1}{bob}}{eq{$auth2}{correct}}}}
  server_set_id = $auth1
EOF
# Debian's postfix.service ends an exim4.service.
cat >/etc/systemd/system/exim.service <<'EOF'
[Service]
Type=exec
ExecStart=/usr/sbin/exim4 -bdf
EOF

mkdir -p /var/lib/cyrus/socket /var/lib/cyrus/db /var/spool/cyrus/mail /var/spool/sieve
chown -R cyrus:mail /var/lib/cyrus /var/spool/cyrus /var/spool/sieve
cat >/etc/cyrus.conf <<'EOF'
START {
  recover cmd="/usr/sbin/cyrus ctl_cyrusdb -r"
}
SERVICES {
  imap cmd="imapd" listen="1143" proto="tcp" prefork=0
  pop3 cmd="pop3d" listen="1110" proto="tcp" prefork=0
  sieve cmd="timsieved" listen="14190" proto="tcp" prefork=0
}
EOF
echo correct | saslpasswd2 -p -c -u test.example bob
sed -i '/^popminpoll/d' /etc/imapd.conf
cat >>/etc/imapd.conf <<'EOF'
failedloginpause: 0
popminpoll: 0
sasl_mech_list: PLAIN LOGIN
servername: test.example
EOF
chgrp mail /etc/sasldb2
chmod 0640 /etc/sasldb2
