using System.CommandLine;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>`ratewall siege`: strangers share one small bucket for a service; the kernel ends it.</summary>
internal static class SiegeCommand
{
    private static readonly Argument<string[]> Services = ServiceArguments.Names();
    private static readonly Option<string?> Duration = new("--for") { Description = "How long; also shorter than what stands.", HelpName = "1h" };
    private static readonly Option<bool> End = new("--end") { Description = "End it now." };

    public static Command Create()
    {
        Command command = CommandLine.Verb(
            "siege",
            "Puts services under siege: for a time, sources that have not logged in lately share one bucket of new connections, siege.connections of the policy. It ends by itself.",
            "ratewall siege imap --for 1h\nratewall siege imap --end",
            Run);
        command.Add(Services);
        command.Add(Duration);
        command.Add(End);
        return command;
    }

    private static ExitCode Run(Session session, ParseResult arguments)
    {
        EffectivePolicy policy = session.LoadPolicy();
        IReadOnlyList<ServicePolicy> services = ServiceArguments.Read(arguments.GetValue(Services)!, policy);
        TimeSpan? duration = ServiceArguments.ReadDuration("siege", arguments.GetValue(Duration), arguments.GetValue(End));

        using StateLock held = StateLock.Wall(session.StateDirectory, session.Time, session.Error);
        using KernelPorts kernel = KernelPorts.Open(session.Time);
        if (duration is not null && !kernel.WallKnowsPorts)
            throw new CommandException(ExitCode.Refused, "the wall is not up, so there is nothing to strengthen; run 'ratewall apply' first");
        using StateDatabase state = StateDatabase.Open(session.StateDirectory, session.Time, session.Error);
        var measures = new PortMeasures(state, kernel, policy, session.Time);
        if (duration is null) return MeasureAnswer.Ended(session, "siege", services, measures.End(MeasureKind.Siege, services));

        DateTimeOffset until = session.Time.GetUtcNow() + duration.Value;
        IReadOnlyDictionary<int, DateTimeOffset> before = kernel.Sieges();
        measures.Siege(services, until, shorten: true);
        MeasureAnswer.Begun(
            session, "siege", until,
            [.. services.Select(s => new MeasureBegun(
                s.Name, s.Ports.Any(before.ContainsKey), "under siege",
                $"sources that have not logged in lately share {s.Siege.Connections} new connections per {DurationText.Format(s.Siege.Per)}"))]);
        return ExitCode.Done;
    }
}
