using System.Globalization;
using System.Text;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers;

/// <summary>A login over a daemon's real protocol.</summary>
/// <param name="Protocol">How, in the words of containers/attack.pl.</param>
/// <param name="Source">The address it comes from, one of the client's machine.</param>
/// <param name="Host">The address it goes to.</param>
/// <param name="Port">And the port.</param>
/// <param name="Name">The name, byte by byte as Latin-1.</param>
/// <param name="Password">The password.</param>
internal sealed record Login(string Protocol, string Source, string Host, int Port, string Name, string Password)
{
    /// <summary>A line of what containers/attack.pl reads.</summary>
    public string Line =>
        string.Create(CultureInfo.InvariantCulture, $"{Protocol} {Source} {Host} {Port} {Base64(Name)} {Base64(Password)}\n");

    // An empty word would be lost between the blanks.
    private static string Base64(string latin1) => latin1.Length == 0 ? "=" : Convert.ToBase64String(Encoding.Latin1.GetBytes(latin1));
}

/// <summary>Clients: many people, of as many addresses as it takes, at one machine.</summary>
internal static class Clients
{
    private const string Program = "/usr/local/bin/attack";

    /// <summary>Gives a machine further addresses; it needs NET_ADMIN.</summary>
    public static void AddAddresses(this Container machine, IEnumerable<string> addresses)
    {
        string batch = string.Concat(addresses.Where(a => a != machine.Address).Distinct(StringComparer.Ordinal)
            .Select(s => $"address add {s}/{(s.Contains(':', StringComparison.Ordinal) ? "64 dev eth0 nodad" : "24 dev eth0")}\n"));
        machine.ExecWithInput(batch, "ip", "-batch", "-").MustSucceed("ip -batch");
    }

    /// <summary>Tries to log in. What the daemons answered, in the same order: "ok", "refused" or "error: ...".</summary>
    /// <param name="machine">Where the clients sit.</param>
    /// <param name="logins">Each try.</param>
    /// <param name="together">So many at a time.</param>
    /// <param name="pace">The most that begin in a second; 0: as many as can.</param>
    /// <param name="patience">Seconds after which one is given up.</param>
    public static IReadOnlyList<string> TryLogins(this Container machine, IReadOnlyList<Login> logins, int together = 1, int pace = 0, int patience = 15)
    {
        if (machine.Exec("test", "-e", Program).ExitCode != 0) machine.CopyIn(Checkout.Path("containers", "attack.pl"), Program);
        string said = machine.ExecWithInput(string.Concat(logins.Select(l => l.Line)), "perl", Program, Number(together), Number(pace), Number(patience)).MustSucceed("the logins").Out;
        string[] answers = said.TrimEnd('\n').Split('\n');
        Assert.Equal(logins.Count, answers.Length);
        return answers;
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
