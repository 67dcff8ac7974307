using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Storage;

namespace RateWall.UnitTests.Correlate;

/// <summary>Days and weeks of people and attackers, through the real parser: who is hit and who is not.</summary>
public sealed class SimulationTests : IDisposable
{
    private const string School = "198.51.100.20";
    private static readonly DateTimeOffset Monday = SimulatedHost.Monday;
    private readonly SimulatedHost host = new();
    private readonly Random random = new(7);

    public void Dispose() => host.Dispose();

    [Fact]
    public void School_OfFiveHundredUsersBehindOneAddress_IsNotBannedInAWholeWeek()
    {
        AWeekAtSchool();
        host.Run(TimeSpan.FromMinutes(15));
        Assert.Empty(host.Verdicts);
        Assert.Empty(host.Kernel.Sieges);
    }

    [Fact]
    public void School_AttackerBehindTheSameAddress_IsCaughtAndOnlyThatServiceClosed()
    {
        AWeekAtSchool();
        DateTimeOffset noon = Monday.AddDays(2).AddHours(12);
        for (int i = 0; i < 120; i++) host.ImapFailure(noon.AddMinutes(i), $"teacher{i}", School);
        host.Run(TimeSpan.FromMinutes(15));
        StoredBan first = host.Bans.First();
        Assert.Equal((AddressPrefix.Parse(School), DetectionName.Users, "imap"), (first.Target, first.Detection, first.Scope));
        Assert.InRange(first.At, noon, noon.AddMinutes(30));
        Assert.Equal(TimeSpan.FromMinutes(5), first.Until - first.At);
        Assert.Contains(first.Target, host.Kernel.AtOneService);
        Assert.All(host.Bans, b => Assert.InRange(b.Until - b.At, TimeSpan.Zero, TimeSpan.FromHours(1)));
    }

    [Fact]
    public void Phone_WithTheOldPasswordAllDay_IsNotBanned()
    {
        host.ImapLogin(Monday.AddHours(6), "alice@example.org", "192.0.2.7");
        for (int minute = 7 * 60; minute < 24 * 60; minute++) host.ImapFailure(Monday.AddMinutes(minute), "alice@example.org", "192.0.2.7", 2);
        host.Run(TimeSpan.FromMinutes(5));
        Assert.Empty(host.Verdicts);
    }

    [Fact]
    public void Stranger_WithOneNameAllDay_IsBanned()
    {
        for (int minute = 7 * 60; minute < 24 * 60; minute += 15) host.ImapFailure(Monday.AddMinutes(minute), "alice@example.org", "192.0.2.7");
        host.Run(TimeSpan.FromMinutes(5));
        StoredBan ban = host.Bans.First();
        Assert.Equal((DetectionName.Slow, 30, Monday.AddHours(7).AddMinutes(29 * 15)), (ban.Detection, ban.Count, ban.At));
    }

    [Fact]
    public void SshClient_OfferingFiveKeysEachTime_IsNotBanned()
    {
        for (int minute = 0; minute < 60; minute++) host.SshKeys(Monday.AddMinutes(minute), "carol", "192.0.2.7", wrong: 5);
        host.Run(TimeSpan.FromMinutes(5));
        Assert.Empty(host.Verdicts);
    }

    [Fact]
    public void Botnet_OfFiveThousandAtOneAccount_LeadsToSiegeAndAccountBansAndKnownUsersStayIn()
    {
        string[] known = KnownUsers();
        DateTimeOffset attack = Monday.AddHours(10);
        for (int i = 0; i < 5000; i++) host.ImapFailure(attack.AddMilliseconds(i * 360), "boss@example.org", Bot(i));
        host.Run(TimeSpan.FromSeconds(15));
        AssertSiege(attack, attack.AddSeconds(60));
        AssertKnownUsersStayIn(known, attack);
        // One try each: every ten of them are a ban of each, ten minutes, never more.
        Assert.All(host.Bans, b => Assert.Equal((DetectionName.Account, TimeSpan.FromMinutes(10)), (b.Detection, b.Until - b.At)));
        Assert.Equal(5000, host.Bans.Select(b => b.Target).Distinct().Count());
    }

    [Fact]
    public void Botnet_OfFiveThousandAtAsManyAccounts_LeadsToSiegeAndKnownUsersStayIn()
    {
        string[] known = KnownUsers();
        DateTimeOffset attack = Monday.AddHours(10);
        for (int i = 0; i < 5000; i++) host.ImapFailure(attack.AddMilliseconds(i * 360), $"user{i}@example.org", Bot(i));
        host.Run(TimeSpan.FromSeconds(15));
        AssertSiege(attack, attack.AddMinutes(5));
        AssertKnownUsersStayIn(known, attack);
        Assert.Empty(host.Bans);
    }

    [Fact]
    public void Botnet_InOneNetwork_GetsTheNetworkBanned()
    {
        for (int bot = 1; bot <= 20; bot++)
            for (int i = 0; i < 6; i++) host.SshFailure(Monday.AddMinutes(bot).AddSeconds(i), $"bot{bot}", $"192.0.2.{bot}");
        host.Run(TimeSpan.FromSeconds(15));
        StoredBan ban = host.Bans.First(b => b.Detection == DetectionName.Prefix);
        Assert.Equal(("192.0.2.0/24", 5, Monday.AddMinutes(5).AddSeconds(5), TimeSpan.FromHours(1)), (ban.Target.ToString(), ban.Count, ban.At, ban.Until - ban.At));
    }

    [Fact]
    public void Botnet_InANetworkWithAKnownUser_GetsOnlyItsMembersBanned()
    {
        host.SshLogin(Monday, "alice", "192.0.2.200");
        for (int bot = 1; bot <= 20; bot++)
            for (int i = 0; i < 6; i++) host.SshFailure(Monday.AddMinutes(bot).AddSeconds(i), $"bot{bot}", $"192.0.2.{bot}");
        host.Run(TimeSpan.FromSeconds(15));
        Assert.Equal(20, host.Bans.Count());
        Assert.All(host.Bans, b => Assert.Equal(DetectionName.Failures, b.Detection));
    }

    // Of 500 users, 3 in 100 slip each morning, once to three times, half of them in their name. Clients look for mail each hour.
    private void AWeekAtSchool()
    {
        for (int day = 0; day < 5; day++)
        {
            for (int user = 0; user < 500; user++)
            {
                // They come between half past seven and half past eight.
                DateTimeOffset comes = Monday.AddDays(day).AddHours(7.5).AddSeconds(random.Next(3600));
                if (random.Next(100) < 3)
                {
                    string name = random.Next(2) == 0 ? $"usre{user}@example.org" : $"user{user}@example.org";
                    for (int slips = random.Next(1, 4); slips > 0; slips--) host.ImapFailure(comes.AddSeconds(-slips * 20), name, School);
                }

                for (int hour = 0; hour < 7; hour++) host.ImapLogin(comes.AddHours(hour), $"user{user}@example.org", School);
            }
        }
    }

    private string[] KnownUsers()
    {
        string[] known = [.. Enumerable.Range(1, 50).Select(i => $"198.51.100.{i}")];
        for (int minute = 0; minute < 180; minute += 5)
            for (int i = 0; i < known.Length; i++) host.ImapLogin(Monday.AddHours(8).AddMinutes(minute).AddSeconds(i), $"known{i}@example.org", known[i]);
        return known;
    }

    private static string Bot(int number) => $"2001:db8:{number + 1:x}::1";

    private void AssertSiege(DateTimeOffset from, DateTimeOffset latest)
    {
        List<DateTimeOffset> deadlines = Assert.Single(host.Kernel.Sieges, s => s.Key == "imap").Value;
        Assert.Single(host.Kernel.Sieges);
        Assert.InRange(deadlines[0].AddMinutes(-10), from, latest);
        // It is renewed until the attack is over, and ends ten minutes after that.
        DateTimeOffset over = from.AddMinutes(30);
        Assert.InRange(deadlines.Max(), over.AddMinutes(9.5), over.AddMinutes(10));
    }

    private void AssertKnownUsersStayIn(string[] known, DateTimeOffset attack)
    {
        Assert.DoesNotContain(host.Kernel.Bans.Keys, b => known.Any(k => b.Contains(AddressPrefix.Parse(k))));
        Assert.All(host.Trusted.Where(t => t.Key >= attack), t => Assert.Superset(known.Select(AddressPrefix.Parse).ToHashSet(), t.Value));
    }
}
