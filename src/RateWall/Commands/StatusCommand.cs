using System.CommandLine;
using System.Globalization;
using RateWall.Netfilter;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>`ratewall status`: does the wall stand, what has it done, how full is it.</summary>
internal static class StatusCommand
{
    public static Command Create() => CommandLine.Verb(
        "status",
        "Shows whether the wall stands as policy says, how many are banned, which services are under siege or in lockdown, what the limit of each service did since the wall went up, and how it stands with the watched units.",
        "ratewall status --format json",
        (session, _) => Run(session));

    private static ExitCode Run(Session session)
    {
        EffectivePolicy policy = session.LoadPolicy();
        using KernelWall wall = KernelWall.Open(session.StateDirectory, session.Time);
        WallDifference difference = wall.Compare(policy, new RulesetRenderer(session.LoadTemplates()).Render(policy), Exemptions.Read(policy).Keys);
        IReadOnlyDictionary<string, NamedCounter> counters = wall.Present ? wall.Counters() : new Dictionary<string, NamedCounter>(StringComparer.Ordinal);
        IReadOnlyList<SetDescription> sets = wall.Present ? wall.Sets() : [];
        using KernelPorts ports = KernelPorts.Open(session.Time);
        PortsInForce inForce = PortsInForce.Read(ports, session.Time.GetUtcNow());
        UnconfirmedWall? waiting = UnconfirmedWall.Read(session.StateDirectory) is { TakenBack: false } unconfirmed ? unconfirmed : null;
        using StateDatabase? state = StateDatabase.OpenReadOnly(session.StateDirectory);
        var form = new StatusForm(
            new(difference.Present, difference.Any) { UnconfirmedUntil = waiting is null ? null : HumanTime.Rfc3339(waiting.Until) },
            new(state?.CountInForce(session.Time.GetUtcNow()) ?? 0),
            [.. policy.Enabled.Select(s => Service(s, counters, sets, inForce))])
        {
            LogWarnings = LogWarnings.Read(session, policy, state),
            Units = UnitStatus.Read(session, policy, state),
        };
        if (session.Format == OutputFormat.Json) AnswerJson.Write(session.Out, form, AnswerJson.Default.StatusForm);
        else Write(session, form, waiting);
        return ExitCode.Done;
    }

    private static ServiceStatusForm Service(
        ServicePolicy service, IReadOnlyDictionary<string, NamedCounter> counters, IReadOnlyList<SetDescription> sets, PortsInForce inForce)
    {
        long Packets(string counter) => counters.TryGetValue($"{service.Name}_{counter}", out NamedCounter found) ? (long)found.Packets : 0;
        SetDescription? fullest = sets
            .Where(s => s.Name.StartsWith($"{service.Name}_v", StringComparison.Ordinal) && s.Count is not null)
            .MaxBy(s => s.Count);
        return new(service.Name, service.Ports, Packets("passed"), Packets("limited") + Packets("prefix") + Packets("concurrent"), Packets("overflow"), Packets("banned"))
        {
            LimitedNetwork = service.Limit.Prefix is null ? null : Packets("prefix"),
            LimitedAtOnce = service.Limit.Concurrent is null ? null : Packets("concurrent"),
            Sources = fullest?.Count,
            Size = fullest?.Size,
            Siege = inForce.SiegeOf(service),
            Lockdown = inForce.LockdownOf(service),
            SiegePassed = Packets("siegepassed"),
            SiegeDropped = Packets("siegedropped"),
            Locked = Packets("locked"),
        };
    }

    private static void Write(Session session, StatusForm form, UnconfirmedWall? waiting)
    {
        TextWriter output = session.Out;
        output.WriteLine(form.Wall switch
        {
            { Present: false } => "wall: absent; 'ratewall apply' puts it up",
            { Drift: true } => "wall: up, but not as policy says; 'ratewall plan' shows the difference",
            _ => "wall: up, as policy says",
        });
        if (waiting is not null)
            output.WriteLine($"it waits for 'ratewall confirm' until {HumanTime.Time(waiting.Until, TimeZoneInfo.Local)}, then the wall before it is put back");
        output.WriteLine(form.Wall.Present
            ? $"bans: {form.Bans.Active} in force"
            : $"bans: none in force; 'ratewall apply' brings back {form.Bans.Active}");
        foreach (ServiceStatusForm service in form.Services) WriteMeasures(output, service);
        LogWarnings.Write(output, form.LogWarnings);
        output.WriteLine();
        var table = new AnswerTable("SERVICE", "PORTS", ">PASSED", ">LIMITED", ">OVERFLOW", ">BANNED", ">SOURCES");
        foreach (ServiceStatusForm service in form.Services)
        {
            table.Add(
                service.Name,
                string.Join(',', service.Ports),
                Number(service.Passed),
                Warn(service.Limited),
                Warn(service.Overflow),
                Warn(service.Banned),
                service.Sources is { } sources ? $"{sources}/{service.Size}" : "-");
        }

        table.WriteTo(output, session.OutTerminal);
        UnitStatus.Write(session, form.Units);
    }

    private static void WriteMeasures(TextWriter output, ServiceStatusForm service)
    {
        if (service.Siege is { } siege)
            output.WriteLine($"siege: {service.Name}, {HumanTime.Duration(TimeSpan.FromSeconds(siege.RemainingSeconds))} left; of strangers {service.SiegePassed} let through, {service.SiegeDropped} dropped");
        if (service.Lockdown is not { } lockdown) return;
        string[] inside = [.. lockdown.Except, .. lockdown.Trusted ? ["sources that have logged in lately"] : Array.Empty<string>()];
        string who = inside.Length == 0 ? "" : $" and {string.Join(", ", inside)}";
        output.WriteLine($"lockdown: {service.Name}, {HumanTime.Duration(TimeSpan.FromSeconds(lockdown.RemainingSeconds))} left; new connections only from the allow list{who}; {service.Locked} dropped");
    }

    private static Cell Warn(long count) => new(Number(count), count > 0 ? Tone.Warning : Tone.Plain);

    private static string Number(long count) => count.ToString(CultureInfo.InvariantCulture);
}
