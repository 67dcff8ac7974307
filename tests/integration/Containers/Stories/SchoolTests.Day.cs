using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers.Stories;

/// <content>
/// The whole day of a school. Its length is in the stamps: the lines are what the real dovecot wrote of one login, one wrong
/// password and one name that nobody has, each written down as often, with the times and names, as a day has them; `replay`
/// reads them.
/// </content>
public sealed partial class SchoolTests
{
    private const string Lessons = "/root/lessons.log";
    private const string Guesser = "/root/guesser.log";
    private const string Forgetful = "/root/forgetful.yaml";
    private const string Nameless = "/root/nameless.yaml";

    [ContainerFact]
    public void Day_OfTheSchool_BansNobodyButTheGuesser()
    {
        Container host = school.Host;
        string address = school.AddressOf(4);
        host.Protect("");
        host.Write(Forgetful, "trust: { for: 1s }\n");
        host.Write(Nameless, "services: { imap: { users: { trusted: off } } }\n");
        WriteDay(host, address);

        JsonElement day = host.Ask("replay", "--log", Lessons, "--compare", Forgetful);
        Assert.InRange(day.GetProperty("attempts").GetInt32(), 4000, int.MaxValue);
        Assert.InRange(day.GetProperty("to").GetDateTimeOffset() - day.GetProperty("from").GetDateTimeOffset(), TimeSpan.FromHours(15), TimeSpan.FromHours(24));
        Assert.Equal(0, day.GetProperty("bans").GetArrayLength());
        Assert.Equal(0, day.GetProperty("sieges").GetArrayLength());
        Assert.Equal(0, day.GetProperty("kept_out").GetInt32());

        // What protects them is what is remembered of their logins.
        JsonElement forgetful = day.GetProperty("compared");
        Assert.Equal(address, Assert.Single(forgetful.GetProperty("only_here").EnumerateArray()).GetString());
        Assert.InRange(forgetful.GetProperty("later_logins")[0].GetProperty("kept_out").GetInt32(), 100, int.MaxValue);

        JsonElement guessed = host.Ask("replay", "--log", Lessons, Guesser, "--compare", Nameless);
        JsonElement ban = Assert.Single(guessed.GetProperty("bans").EnumerateArray());
        Assert.Equal((address, "imap", "users"), (ban.GetProperty("target").GetString(), ban.GetProperty("scope").GetString(), ban.GetProperty("detection").GetString()));
        Assert.Equal(TimeSpan.FromMinutes(5), ban.GetProperty("until").GetDateTimeOffset() - ban.GetProperty("time").GetDateTimeOffset());
        Assert.Equal(0, guessed.GetProperty("compared").GetProperty("bans").GetArrayLength());
    }

    private void WriteDay(Container host, string address)
    {
        school.Try([school.Right(address, 2), school.Wrong(address, School.Pupil(3)), school.Wrong(address, "teacher")], together: 1);
        string login = "", failure = "", nobody = "";
        Eventually.True("dovecot has written of each", TimeSpan.FromMinutes(2), () =>
        {
            string[] lines = host.Exec("journalctl", "--no-pager", "-u", "dovecot.service", "-o", "short-iso-precise", "-g", address).Out.Split('\n');
            string Of(string name) => lines.FirstOrDefault(l => l.Contains($"user=<{name}>", StringComparison.Ordinal)) ?? "";
            (login, failure, nobody) = (Of(School.Pupil(2)), Of(School.Pupil(3)), Of("teacher"));
            return login.Length > 0 && failure.Length > 0 && nobody.Length > 0;
        }, host.Journal);
        Assert.Contains("Login: ", login, StringComparison.Ordinal);
        Assert.Contains("auth failed", failure, StringComparison.Ordinal);

        var random = new Random(4);
        var midnight = new DateTimeOffset(DateTime.UtcNow.Date.AddDays(-1), TimeSpan.Zero);
        var lessons = new List<(TimeSpan At, string Line, string Name)> { (new(5, 55, 0), login, School.Pupil(1)) };
        for (int i = 1; i <= School.Pupils; i++)
        {
            TimeSpan first = new TimeSpan(7, 40, 0) + TimeSpan.FromSeconds(random.Next(2400));
            // Every thirtieth slips; some have not been told their new one and try five times in the morning and at noon.
            if (i % 30 == 0) lessons.Add((first - TimeSpan.FromSeconds(20), failure, School.Pupil(i)));
            if (i % 50 == 25)
            {
                for (int k = 0; k < 10; k++) lessons.Add((first + TimeSpan.FromHours(k / 5 * 4) + TimeSpan.FromSeconds(20 * k), failure, School.Pupil(i)));
                continue;
            }

            for (TimeSpan at = first; at < new TimeSpan(16, 0, 0); at += TimeSpan.FromMinutes(30)) lessons.Add((at, login, School.Pupil(i)));
        }

        // The phone, each minute from six to ten in the evening, and its owner's computer beside it.
        for (TimeSpan at = new(6, 0, 0); at < new TimeSpan(22, 0, 0); at += TimeSpan.FromMinutes(1)) lessons.Add((at, failure, School.Pupil(17)));
        Write(host, Lessons, midnight, lessons);
        Write(host, Guesser, midnight, [.. Enumerable.Range(0, 45).Select(i => (new TimeSpan(10, 15, 0) + TimeSpan.FromSeconds(20 * i), nobody, $"teacher{i}"))]);
    }

    private static void Write(Container host, string path, DateTimeOffset midnight, List<(TimeSpan At, string Line, string Name)> events)
    {
        int number = 0;
        host.Write(path, string.Concat(events.OrderBy(e => e.At).Select(e =>
        {
            // Each connection has a session of its own.
            string rest = Session().Replace(User().Replace(e.Line[e.Line.IndexOf(' ', StringComparison.Ordinal)..], $"user=<{e.Name}>"), $"session=<day{++number:000000}>");
            return (midnight + e.At).ToString("yyyy-MM-dd'T'HH:mm:ss.ffffffzzz", CultureInfo.InvariantCulture) + rest + "\n";
        })));
    }

    [GeneratedRegex("user=<[^>]*>", RegexOptions.None, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex User();

    [GeneratedRegex("session=<[^>]*>", RegexOptions.None, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Session();
}
