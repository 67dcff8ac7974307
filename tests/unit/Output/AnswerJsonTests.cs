using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using RateWall.Output;

namespace RateWall.UnitTests.Output;

// The expected texts are the promise to other programs: change one only together with the schema's number.
public sealed class AnswerJsonTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(1000)]
    public void WriteEach_ItemByItem_IsTheFormAsAWhole(int count)
    {
        ChangeItemForm[] items = [.. Enumerable.Range(0, count).Select(i => new ChangeItemForm($"192.0.2.{i}", "unbanned", Note: "\u001b"))];
        using StringWriter whole = new(), each = new();
        AnswerJson.Write(whole, new ChangeForm("clear", true, items), AnswerJson.Default.ChangeForm);

        AnswerJson.WriteEach<ChangeForm, ChangeItemForm>(
            each, new("clear", true, []), AnswerJson.Default.ChangeForm, AnswerJson.Default.ChangeItemForm, write => Array.ForEach(items, write));

        Assert.Equal(whole.ToString(), each.ToString());
    }

    [Fact]
    public void Status_Form_IsAsPromised() => Same(
        """{"schema":"ratewall.status/1","wall":{"present":true,"drift":false,"unconfirmed_until":"2026-01-31T16:05:09Z"},"bans":{"active":3},"services":[{"name":"imap","ports":[143,993],"passed":10,"limited":2,"overflow":0,"banned":1,"siege":null,"lockdown":null,"siege_passed":0,"siege_dropped":0,"locked":0}],"units":[],"log_warnings":[]}""",
        new StatusForm(new WallForm(true, false) { UnconfirmedUntil = "2026-01-31T16:05:09Z" }, new BanCountForm(3), [new ServiceStatusForm("imap", [143, 993], 10, 2, 0, 1)]), AnswerJson.Default.StatusForm);

    [Fact]
    public void Status_ServiceUnderPressure_IsAsPromised() => Same(
        """{"schema":"ratewall.status/1","wall":{"present":true,"drift":false,"unconfirmed_until":null},"bans":{"active":0},"services":[{"name":"imap","ports":[143],"passed":1,"limited":0,"overflow":0,"banned":0,"sources":1,"size":2,"siege":{"until":"2026-01-31T16:05:09Z","remaining_s":60},"lockdown":{"until":"2026-01-31T16:15:09Z","remaining_s":660,"trusted":true,"except":["192.0.2.0/24"]},"siege_passed":30,"siege_dropped":4,"locked":5}],"units":[],"log_warnings":[]}""",
        new StatusForm(new WallForm(true, false), new BanCountForm(0),
        [
            new ServiceStatusForm("imap", [143], 1, 0, 0, 0)
            {
                Sources = 1,
                Size = 2,
                Siege = new("2026-01-31T16:05:09Z", 60),
                Lockdown = new("2026-01-31T16:15:09Z", 660, Trusted: true, ["192.0.2.0/24"]),
                SiegePassed = 30,
                SiegeDropped = 4,
                Locked = 5,
            },
        ]), AnswerJson.Default.StatusForm);

    [Fact]
    public void Bans_Form_IsAsPromised() => Same(
        """{"schema":"ratewall.bans/1","bans":[{"target":"192.0.2.1","scope":"all","since":"2026-01-31T16:05:09Z","until":"2026-01-31T16:15:09Z","remaining_s":600,"reason":"failures","count":6}]}""",
        new BansForm([new BanForm("192.0.2.1", "all", "2026-01-31T16:05:09Z", "2026-01-31T16:15:09Z", 600, "failures", 6)]), AnswerJson.Default.BansForm);

    [Fact]
    public void Bans_ForEver_IsNull() => Same(
        """{"schema":"ratewall.bans/1","bans":[{"target":"2001:db8::/64","scope":"all","since":null,"until":null,"remaining_s":null,"reason":"by hand","count":0}]}""",
        new BansForm([new BanForm("2001:db8::/64", "all", null, null, null, "by hand", 0)]), AnswerJson.Default.BansForm);

    [Fact]
    public void Run_Form_IsAsPromised() => Same(
        """{"schema":"ratewall.run/1","lines":1,"attempts":2,"offences":3,"bans":4,"ms":5,"connections_ended":6,"sieges":["imap"],"mended":"it was gone"}""",
        new RunForm(1, 2, 3, 4, 5) { ConnectionsEnded = 6, Sieges = ["imap"], Mended = "it was gone" }, AnswerJson.Default.RunForm);

    [Fact]
    public void Trace_HostileLine_IsEscapedAndWhole()
    {
        var form = new TraceForm([new TracedBanForm(
            "192.0.2.1", "all", null, null, null, "failures", 6, "failures", "ssh", [new EvidenceForm("2026-01-31T16:05:09Z", "a\u001b[31m\u202e\"")])]);
        Same(
            """{"schema":"ratewall.trace/1","bans":[{"target":"192.0.2.1","scope":"all","since":null,"until":null,"remaining_s":null,"reason":"failures","count":6,"detection":"failures","service":"ssh","lines":[{"time":"2026-01-31T16:05:09Z","line":"a\u001B[31m\u202E\u0022"}],"number":null,"ended":null,"ended_at":null}],"acts":[]}""",
            form, AnswerJson.Default.TraceForm);
    }

    [Fact]
    public void Watch_Form_IsAsPromised() => Same(
        """{"schema":"ratewall.watch/1","units":[{"name":"imap_login","unit":"dovecot.service","process":"imap-login","state":"active","count":90,"warn":60,"act":80,"normal":40,"tasks_max":400,"phase":"trouble","since":"2026-01-31T16:05:09Z","rung":"ban","stopped_until":null,"returns":1,"watched_at":"2026-01-31T16:05:14Z","ladder":["tell","ban"]}],"acts":[{"time":"2026-01-31T16:05:14Z","watch":"imap_login","unit":"dovecot.service","act":"ban","count":90,"level":80,"until":null,"reason":"too many","state":"done","outcome":"banned 192.0.2.1"}]}""",
        new WatchForm(
            [new("imap_login", "dovecot.service", "imap-login", "active", 90, 60, 80, 40) { TasksMax = 400, Phase = "trouble", Since = "2026-01-31T16:05:09Z", Rung = "ban", Returns = 1, LastLook = new(2026, 1, 31, 16, 5, 14, TimeSpan.Zero), Ladder = ["tell", "ban"] }],
            [new("2026-01-31T16:05:14Z", "imap_login", "dovecot.service", "ban", 90, 80, null, "too many") { State = "done", Outcome = "banned 192.0.2.1" }]),
        AnswerJson.Default.WatchForm);

    [Fact]
    public void WatchSimulation_Form_IsAsPromised() => Same(
        """{"schema":"ratewall.watch-simulation/1","lines":2,"wrong":1,"acts":[{"time":"2026-01-31T16:05:14Z","watch":"a","unit":"a.service","act":"stop","count":90,"level":80,"until":"2026-01-31T16:10:14Z","reason":"too many","state":null,"outcome":null}]}""",
        new WatchSimulationForm(2, 1, [new("2026-01-31T16:05:14Z", "a", "a.service", "stop", 90, 80, "2026-01-31T16:10:14Z", "too many")]), AnswerJson.Default.WatchSimulationForm);

    [Fact]
    public void Plan_Form_IsAsPromised() => Same(
        """{"schema":"ratewall.plan/1","wall_present":true,"drift":true,"changes":["- a","\u002B b"],"templates":[]}""",
        new PlanForm(true, true, ["- a", "+ b"]), AnswerJson.Default.PlanForm);

    [Fact]
    public void Change_Form_IsAsPromised() => Same(
        """{"schema":"ratewall.change/1","verb":"ban","changed":true,"items":[{"target":"192.0.2.1","action":"banned","until":"2026-01-31T16:15:09Z","note":null}]}""",
        new ChangeForm("ban", true, [new ChangeItemForm("192.0.2.1", "banned", "2026-01-31T16:15:09Z")]), AnswerJson.Default.ChangeForm);

    [Fact]
    public void Rules_Forms_AreAsPromised()
    {
        Same(
            """{"schema":"ratewall.rules/1","files":[{"name":"a","origin":"built-in","programs":["ad"],"units":[],"services":["s"],"samples":1,"rules":[{"name":"a.rules:3","kind":"failure","counts":"yes","template":"x"}]}]}""",
            new RulesForm([new RuleFileForm("a", "built-in", ["ad"], [], ["s"], 1, [new RuleForm("a.rules:3", "failure", "yes", "x")])]), AnswerJson.Default.RulesForm);
        Same("""{"schema":"ratewall.rules-test/1","ok":false,"samples":1,"problems":["x"]}""", new RulesTestForm(false, 1, ["x"]), AnswerJson.Default.RulesTestForm);
        Same(
            """{"schema":"ratewall.rules-lint/1","ok":true,"findings":[{"place":"a.rules:3","finding":"no-sample","fault":false,"text":"x"}]}""",
            new RulesLintForm(true, [new RuleFindingForm("a.rules:3", "no-sample", false, "x")]), AnswerJson.Default.RulesLintForm);
    }

    private static void Same<T>(string expected, T form, JsonTypeInfo<T> type)
    {
        using var output = new StringWriter { NewLine = "\n" };
        AnswerJson.Write(output, form, type);
        Assert.Equal(expected + "\n", output.ToString());
        using JsonDocument parsed = JsonDocument.Parse(output.ToString());
        Assert.StartsWith("ratewall.", parsed.RootElement.GetProperty("schema").GetString(), StringComparison.Ordinal);
    }
}
