using System.Text.Json;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers.Stories;

/// <summary>200 people behind one address: their mistakes lock nobody out, and who guesses behind the same address is found.</summary>
[Collection(ContainerCollection.Name)]
public sealed partial class SchoolTests(School school) : IClassFixture<School>
{
    private const int Phone = 17;
    private const int PhoneTries = 120;
    private const int GuessedNames = 40;

    // The built-in policy, but that a bucket fills so slowly that no machine is slow enough to be let through by that.
    private const string Policy = "services: { imap: { limit: { connections: 60, per: 1h } } }\n";

    [ContainerFact]
    public void Morning_OfASchoolWithAPhoneThatKeepsTheOldPassword_LocksNobodyOutAndTheGuesserIsCaught()
    {
        Container host = school.Host;
        string address = school.AddressOf(0), stranger = school.AddressOf(9);
        host.Protect(Policy);
        school.IsKnown(address);

        // All come at once. Each twentieth has typed it wrong before; the phone knows nothing but what it knew.
        var morning = new List<Login>();
        for (int i = 1; i <= School.Pupils; i++)
        {
            if (i % 20 == 0) morning.Add(school.Wrong(address, School.Pupil(i)));
            morning.Add(school.Right(address, i));
            if (i <= PhoneTries) morning.Add(school.Wrong(address, School.Pupil(Phone)));
        }

        AssertAnswered(morning);
        AssertRead(morning.Count);
        Assert.Empty(host.Bans());
        Assert.Equal(0, Imap(host).GetProperty("limited").GetInt64());

        // A stranger may do a tenth of what that phone did.
        school.Try([.. Enumerable.Repeat(school.Wrong(stranger, School.Pupil(Phone)), PhoneTries / 10)]);
        AwaitBan(stranger, "all");

        // Somebody in the school looks for accounts that are not his, while lessons go on.
        List<Login> lesson = [.. Enumerable.Range(1, GuessedNames).SelectMany(i => new[] { school.Wrong(address, $"teacher{i}"), school.Right(address, i) })];
        AssertAnswered(lesson);
        JsonElement ban = AwaitBan(address, "imap");
        Assert.Equal(30, ban.GetProperty("count").GetInt32());
        Assert.StartsWith("30 names tried at imap", ban.GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Equal(TimeSpan.FromMinutes(5), ban.GetProperty("until").GetDateTimeOffset() - ban.GetProperty("since").GetDateTimeOffset());
        Assert.Matches($@"{address} \. 143 [^,}}]*expires [0-4]m", host.Exec("nft", "list", "set", "inet", "ratewall", "banport4").MustSucceed("nft").Out.Replace('\n', ' '));

        // That service for that while, and no more than that.
        Assert.StartsWith("error: no ", Assert.Single(school.Try([school.Right(address, 2)], patience: 3)), StringComparison.Ordinal);
        Assert.Equal(["ok"], school.Try([school.Right(address, 2, "pop3")]));
    }

    [ContainerFact]
    public void Morning_PastLoginsForgotten_EndsForAllWithThePhonesTenthTry()
    {
        string address = school.AddressOf(1);
        school.Host.Protect(Policy + "trust: { for: 1s }\n");
        school.IsKnown(address);

        // For four seconds: a second after a login that one is forgotten.
        school.Try([.. Enumerable.Repeat(school.Wrong(address, School.Pupil(Phone)), PhoneTries / 3)], pace: 10);

        AwaitBan(address, "all");
        Assert.StartsWith("error: no ", Assert.Single(school.Try([school.Right(address, 2)], patience: 3)), StringComparison.Ordinal);
    }

    [ContainerFact]
    public void Morning_TrustWorthNothingAtTheDoor_LeavesPupilsOutside()
    {
        string address = school.AddressOf(2);
        school.Host.Protect(Policy + "trust: { factor: 1 }\n");
        school.IsKnown(address);

        IReadOnlyList<string> answers = school.Try([.. Enumerable.Range(1, 80).Select(i => school.Right(address, i))], together: 40, patience: 3);

        Assert.Contains(answers, a => a.StartsWith("error: no ", StringComparison.Ordinal));
        Assert.InRange(Imap(school.Host).GetProperty("limited").GetInt64(), 1, long.MaxValue);
    }

    [ContainerFact]
    public void Guesser_NamesNotCounted_GoesOn()
    {
        string address = school.AddressOf(3);
        school.Host.Protect("services: { imap: { limit: { connections: 60, per: 1h }, users: { trusted: off } } }\n");
        school.IsKnown(address);

        school.Try([.. Enumerable.Range(1, GuessedNames).Select(i => school.Wrong(address, $"teacher{i}"))]);

        AssertRead(GuessedNames);
        Assert.DoesNotContain(school.Host.Bans(), b => b.GetProperty("target").GetString() == address);
        Assert.Equal(["refused", "ok"], school.Try([school.Wrong(address, "teacher99"), school.Right(address, 2)]));
    }

    private void AssertAnswered(List<Login> logins)
    {
        string[] wrong = [.. logins.Zip(school.Try(logins)).Where(p => p.Second != (p.First.Password.StartsWith("right", StringComparison.Ordinal) ? "ok" : "refused"))
            .Select(p => $"{p.First.Name} '{p.First.Password}': {p.Second}")];
        Assert.Empty(wrong);
    }

    // Dovecot's last line comes a moment after its answer.
    private void AssertRead(int tries)
    {
        int read = 0;
        Eventually.True(
            $"{tries} tries have been read", TimeSpan.FromMinutes(2),
            () => (read += school.Host.Correlate().GetProperty("attempts").GetInt32()) >= tries, school.Host.Journal);
    }

    private JsonElement AwaitBan(string address, string scope)
    {
        JsonElement[] bans = [];
        Eventually.True($"{address} is banned", TimeSpan.FromMinutes(2), () =>
        {
            school.Host.Correlate();
            bans = [.. school.Host.Bans().Where(b => b.GetProperty("target").GetString() == address)];
            return bans.Length > 0;
        }, school.Host.Journal);
        JsonElement ban = Assert.Single(bans);
        Assert.Equal(scope, ban.GetProperty("scope").GetString());
        return ban;
    }

    private static JsonElement Imap(Container host) =>
        host.Ask("status").GetProperty("services").EnumerateArray().Single(s => s.GetProperty("name").GetString() == "imap");
}
