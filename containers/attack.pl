#!/usr/bin/perl
# attack.pl [TOGETHER [PACE [PATIENCE]]]: tries to log in, TOGETHER at a time. A line of standard input is one try: PROTOCOL
# SOURCE HOST PORT USER PASSWORD, with blanks between, the last two as base64. For each it prints "ok", "refused" or
# "error: ..." in the same order. Names go out as they are. At most PACE tries begin in a second (0: as many as can), and
# one is given up after PATIENCE seconds without its end.
use strict;
use warnings;
use IO::Socket::IP;
use MIME::Base64;
use Time::HiRes qw(sleep time);

my $together = shift // 1;
my $pace = shift // 0;
my $patience = shift // 15;
my ($source, $host, $port, $user, $password, $socket);

sub plain { return encode_base64("\0$user\0$password", '') }

# The rest of a line, or what came before the end.
sub line {
    my $line = <$socket>;
    die "closed\n" unless defined $line;
    return $line;
}

sub say_line { print {$socket} $_[0], "\r\n"; }

# The last line of an answer as SMTP and FTP write them.
sub reply {
    my $line;
    do { $line = line() } until $line =~ /^\d\d\d(?: |\r)/;
    return $line;
}

sub tagged {
    my $line;
    do { $line = line() } until $line =~ /^(?:a |\+)/;
    return $line;
}

my %protocols = (
    ssh => sub {
        require Net::SSH2;
        my $ssh = Net::SSH2->new(timeout => 20_000);
        $ssh->connect($socket) or die 'no ssh: ', ($ssh->error)[2], "\n";
        my $in = $ssh->auth_password($user, $password);
        $ssh->disconnect;
        return $in ? 1 : 0;
    },
    imap => sub {
        line();
        say_line('a LOGIN {' . length($user) . '}');
        die "refused\n" unless tagged() =~ /^\+/;
        print {$socket} $user;
        say_line(' {' . length($password) . '}');
        return 0 unless tagged() =~ /^\+/;
        # After a name that it cannot take, cyrus waits for one more line before it answers.
        say_line("$password\r\nb LOGOUT");
        return tagged() =~ /^a OK/;
    },
    'imap-plain' => sub {
        line();
        say_line('a AUTHENTICATE PLAIN');
        return 0 unless tagged() =~ /^\+/;
        say_line(plain());
        my $in = tagged() =~ /^a OK/;
        say_line('b LOGOUT');
        return $in;
    },
    pop3 => sub {
        line();
        say_line("USER $user");
        line();
        say_line("PASS $password");
        my $in = line() =~ /^\+OK/;
        say_line('QUIT');
        return $in;
    },
    'pop3-plain' => sub {
        line();
        say_line('AUTH PLAIN');
        return 0 unless line() =~ /^\+/;
        say_line(plain());
        my $in = line() =~ /^\+OK/;
        say_line('QUIT');
        return $in;
    },
    'smtp-plain' => sub {
        reply();
        (my $helo = $user) =~ tr/\r\n/  /;
        say_line("EHLO $helo");
        if (reply() !~ /^250/) { say_line('EHLO x'); reply(); }
        say_line('AUTH PLAIN ' . plain());
        my $in = reply() =~ /^235/;
        if ($in) { say_line('MAIL FROM:<a@test.example>'); reply(); say_line('RCPT TO:<b@test.example>'); reply(); }
        say_line('QUIT');
        return $in;
    },
    'smtp-login' => sub {
        reply();
        say_line('EHLO client.example');
        reply();
        say_line('AUTH LOGIN');
        return 0 unless reply() =~ /^334/;
        say_line(encode_base64($user, ''));
        return 0 unless reply() =~ /^334/;
        say_line(encode_base64($password, ''));
        my $in = reply() =~ /^235/;
        if ($in) { say_line('MAIL FROM:<a@test.example>'); reply(); say_line('RCPT TO:<b@test.example>'); reply(); }
        say_line('QUIT');
        return $in;
    },
    ftp => sub {
        reply();
        say_line("USER $user");
        reply();
        say_line("PASS $password");
        my $in = reply() =~ /^230/;
        # proftpd logs the login as the user who is in; of a process that is gone by then journald cannot tell the unit.
        sleep 1 if $in;
        say_line('QUIT');
        return $in;
    },
    sieve => sub {
        1 until line() =~ /^OK/;
        say_line('AUTHENTICATE "PLAIN" "' . plain() . '"');
        my $line;
        do { $line = line() } until $line =~ /^(?:OK|NO|BYE)/;
        say_line('LOGOUT');
        return $line =~ /^OK/;
    },
);

sub attempt {
    my ($protocol, $from, $to, $at, $name, $secret) = split ' ', $_[0];
    ($source, $host, $port) = ($from, $to, $at);
    ($user, $password) = (decode_base64($name // ''), decode_base64($secret // ''));
    my $in = eval {
        local $SIG{ALRM} = sub { die "no answer\n" };
        alarm $patience;
        $socket = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, LocalHost => $source, Type => SOCK_STREAM) or die "no connection: $@\n";
        $socket->autoflush(1);
        my $answer = $protocols{$protocol}->();
        # The daemon has done with it when it closes. Who has taken leave waits for that, as clients do.
        shutdown $socket, 1 unless $answer && $protocol ne 'ssh';
        unless ($protocol eq 'ssh') { while (defined(my $rest = <$socket>)) { } }
        $answer;
    };
    my $problem = $@;
    alarm 0;
    close $socket if $socket;
    chomp $problem;
    return defined $in ? ($in ? 'ok' : 'refused') : "error: $problem";
}

# So many at a time as the argument says, each by a process of its own.
my @tries = <STDIN>;
my @pipes;
my $began = time;
for my $first (0 .. $together - 1) {
    my $child = open(my $pipe, '-|') // die "fork: $!\n";
    if ($child == 0) {
        local $SIG{PIPE} = 'IGNORE';
        for (my $i = $first; $i < @tries; $i += $together) {
            my $early = $pace ? $began + $i / $pace - time : 0;
            sleep $early if $early > 0;
            print $i, ' ', attempt($tries[$i]), "\n";
        }
        exit 0;
    }
    push @pipes, $pipe;
}
my @answers = ('lost') x @tries;
for my $pipe (@pipes) {
    while (my $line = <$pipe>) { $answers[$1] = $2 if $line =~ /^(\d+) (.*)$/; }
}
print "$_\n" for @answers;
