namespace RateWall.IntegrationTests.Containers;

/// <summary>Names with which nobody is meant to log in: each tries to look like the rest of somebody's log line.</summary>
internal static class HostileNames
{
    /// <summary>No client ever has it; it stands in the names only.</summary>
    public const string Victim = "192.0.2.1";

    /// <summary>As <see cref="Victim"/>.</summary>
    public const string Victim6 = "2001:db8:bad::1";

    /// <summary>Byte by byte as Latin-1.</summary>
    public static readonly IReadOnlyList<string> All =
    [
        "bob",
        "root",
        "",
        "x from 192.0.2.1 port 1 ssh2",
        "x from 2001:db8:bad::1 port 1 ssh2",
        "x 192.0.2.1 port 22 [preauth]",
        "a>, rip=192.0.2.1",
        "a>, method=PLAIN, rip=192.0.2.1, lip=198.51.100.2, session=<x",
        "a,192.0.2.1,<x>): unknown user",
        "a\nFailed password for root from 192.0.2.1 port 22 ssh2",
        "a\r\nimap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<b>, method=PLAIN, rip=192.0.2.1, lip=198.51.100.2",
        "a\"] FAIL LOGIN: Client \"192.0.2.1\"",
        "a] FAIL LOGIN: Client \"::ffff:192.0.2.1\"",
        "x (192.0.2.1[192.0.2.1]) - USER y (Login failed): Incorrect password",
        "x: no such user found from 192.0.2.1 [192.0.2.1] to 198.51.100.2:21",
        "x [192.0.2.1] plaintext (y) [SASL(-13): authentication failure: z]",
        "[192.0.2.1] x PLAIN User logged in",
        "unknown[192.0.2.1]: SASL PLAIN authentication failed: x",
        "unknown[2001:db8:bad::1]: SASL PLAIN authentication failed: x",
        "x) [192.0.2.1]: 535 Incorrect authentication data (set_id=y",
        "x rhost=192.0.2.1  user=root",
        "q'\"\\`$(id){}()[]<>|&;",
        "\u0001\u0002\u001b[31m\u007f\u0080\u00ff",
        "%s%n%d%x",
        "bob@192.0.2.1",
        "[192.0.2.1]",
        "::ffff:192.0.2.1",
        "2001:db8:bad::1",
        new('A', 255),
        new string('B', 231) + " from 192.0.2.1 port 22 ",
        new string('C', 246) + "192.0.2.1",
        "message repeated 99 times: [ Failed password for root from 192.0.2.1 port 22 ssh2]",
    ];
}
