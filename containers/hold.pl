#!/usr/bin/perl
# hold.pl [A_SECOND]: opens connections, so many a second (0: as fast as it can), says its words on each, and holds it.
# A line of standard input is one connection: PROTOCOL SOURCE HOST PORT. It prints a line for each thing that happens to
# one: its number, from 0 on, and "open", "held" (everything is said and answered) or "ended" (by the other side, or never
# opened); and it goes on until it is killed.
use strict;
use warnings;
use Errno qw(EINPROGRESS);
use IO::Handle;
use IO::Select;
use Socket;
use Time::HiRes qw(sleep time);
use MIME::Base64;

# What an answer's last line is like, and what is said after each.
my $smtp = qr/^\d\d\d[ \r]/;
my %protocols = (
    silent => [qr/^/],
    'pop3-user' => [qr/^[+-]/, "USER root\r\n"],
    'imap-login' => [qr/^(?:\* OK|a )/, "a LOGIN root%d wrong\r\n"],
    'smtp-plain' => [$smtp, "EHLO client.example\r\n", "AUTH PLAIN %s\r\n"],
);

my $pace = shift // 0;
my @wanted = map { [split] } <STDIN>;
my $select = IO::Select->new;
my (%connections, $opened);
STDOUT->autoflush(1);

sub tell_of { print "$_[0]{number} $_[1]\n"; }

sub end {
    my $connection = shift;
    $select->remove($connection->{socket});
    delete $connections{$connection->{socket}};
    close $connection->{socket};
    tell_of($connection, 'ended');
}

sub begin {
    my ($number, $protocol, $from, $to, $port) = @_;
    socket(my $socket, PF_INET, SOCK_STREAM, 0) or die "socket: $!\n";
    bind($socket, pack_sockaddr_in(0, inet_aton($from))) or die "bind $from: $!\n";
    $socket->blocking(0);
    my ($done, @words) = @{$protocols{$protocol} // die "no protocol $protocol\n"};
    s/%d/$number/, s/%s/encode_base64("\0root$number\0wrong", '')/e for @words;
    my $connection = $connections{$socket} = { number => $number, socket => $socket, done => $done, words => \@words };
    connect($socket, pack_sockaddr_in($port, inet_aton($to))) or $! == EINPROGRESS or return end($connection);
    $select->add($socket);
}

sub hear {
    my $connection = shift;
    my $got = sysread $connection->{socket}, my $text, 8192;
    return end($connection) unless $got;
    tell_of($connection, 'open') unless $connection->{open}++;
    $connection->{heard} .= $text;
    return unless $connection->{heard} =~ /([^\n]*)\n\z/ && $1 =~ $connection->{done};
    $connection->{heard} = '';
    my $word = shift @{$connection->{words}};
    if (defined $word) { syswrite $connection->{socket}, $word; }
    elsif (!$connection->{held}++) { tell_of($connection, 'held'); }
}

$SIG{PIPE} = 'IGNORE';
my $start = time;
$opened = 0;
while (1) {
    while ($opened < @wanted && ($pace == 0 || $opened <= (time - $start) * $pace)) {
        begin($opened, @{$wanted[$opened]});
        $opened++;
    }
    my $wait = $opened < @wanted && $pace > 0 ? 1 / $pace : 1;
    if ($select->count == 0) { sleep $wait; next; }
    hear($connections{$_} // next) for $select->can_read($wait);
}
