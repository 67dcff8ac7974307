using System.Text;
using RateWall.Policy;

namespace RateWall.UnitTests.Policy;

public sealed class UnitPolicyTests
{
    [Fact]
    public void Default_Dovecot_IsWatchedAndNeverRestartedNorStopped()
    {
        EffectivePolicy policy = Lay("");
        Assert.Equal(TimeSpan.FromSeconds(5), policy.WatchInterval);
        Assert.Equal(["dovecot", "imap_login", "pop3_login"], policy.WatchedUnits.Select(u => u.Name), StringComparer.Ordinal);
        Assert.All(policy.WatchedUnits, u => Assert.Equal("dovecot.service", u.Unit));
        Assert.All(policy.WatchedUnits, u => Assert.DoesNotContain(u.Ladder, r => r >= Rung.Restart));
        UnitPolicy dovecot = policy.Units[0];
        Assert.Equal(("Tell Ban Siege", null, "60% 80% 50%"), (string.Join(' ', dovecot.Ladder), dovecot.Process, $"{dovecot.Warn} {dovecot.Act} {dovecot.Normal}"));
        UnitPolicy login = policy.Units[1];
        Assert.Equal(("imap-login", "60 80 40", "Tell Ban"), (login.Process, $"{login.Warn} {login.Act} {login.Normal}", string.Join(' ', login.Ladder)));
    }

    [Fact]
    public void Watch_Changed_HoldsForEveryEntryThatSaysNothingItself()
    {
        EffectivePolicy policy = Lay("watch: { after: 1s, ladder: [tell] }\nunits: { pop3_login: { after: 2s }, imap_login: { enabled: false } }");
        Assert.Equal("dovecot 1 Tell, pop3_login 2 Tell Ban", string.Join(", ", policy.WatchedUnits.Select(u => $"{u.Name} {u.After.TotalSeconds} {string.Join(' ', u.Ladder)}")));
    }

    [Fact]
    public void Entry_OfTheOperator_HasWhatHeWrote()
    {
        UnitPolicy unit = Lay("units: { ftp: { unit: vsftpd.service, process: vsftpd, services: [ftp], act: 200, warn: 100, normal: 50, ladder: [restart, stop], stop-for: 10s } }").Units[^1];
        Assert.Equal(("vsftpd.service", "vsftpd", "ftp", "Restart Stop", 10d), (unit.Unit, unit.Process, string.Join(',', unit.Services), string.Join(' ', unit.Ladder), unit.StopFor.TotalSeconds));
    }

    [Theory]
    [InlineData("ssh.service", "")]
    [InlineData("sshd@17.service", "")]
    [InlineData("postfix@-.service", "")]
    [InlineData("exim4.service", "")]
    [InlineData("my-own.service", ", services: [ssh]")]
    [InlineData("my-own.service", ", services: [imap, smtp]")]
    public void Stop_OfSshAndOfPort25_NeedsTheWordForIt(string unit, string services)
    {
        string entry = $"units: {{ x: {{ unit: {unit}{services}, ladder: [tell, stop]";
        PolicyException wrong = Assert.Throws<PolicyException>(() => Lay(entry + " } }"));
        Assert.Contains("add 'allow-stop: true' if you do mean it", Assert.Single(wrong.Problems), StringComparison.Ordinal);
        Assert.True(Lay(entry + ", allow-stop: true } }").Units[^1].AllowStop);
        Lay(entry.Replace(", stop", ", restart", StringComparison.Ordinal) + " } }");
    }

    [Fact]
    public void Stop_OfAnotherUnit_NeedsNoWord() => Assert.Equal(Rung.Stop, Lay("units: { dovecot: { ladder: [stop] } }").Units[0].Ladder[^1]);

    private static EffectivePolicy Lay(string text) =>
        PolicyReader.Parse([new PolicyFile("p.yaml", Encoding.UTF8.GetBytes(text + "\n"))], new LogFacts(HasJournal: true, _ => false));
}
