using System.CommandLine;
using System.CommandLine.Parsing;
using RateWall.Detection;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>`ratewall lockdown`: nobody opens a new connection to a service but who is named; the kernel ends it.</summary>
internal static class LockdownCommand
{
    private const int MostExceptions = 256;

    private static readonly Argument<string[]> Services = ServiceArguments.Names();
    private static readonly Option<string?> Duration = new("--for") { Description = "How long; also shorter than what stands.", HelpName = "2h" };
    private static readonly Option<bool> End = new("--end") { Description = "End it now." };
    private static readonly Option<bool> Trusted = new("--trusted") { Description = "Also let sources in that have logged in lately at a service of the same family." };

    private static readonly Option<string[]> Except = new("--except")
    {
        Description = "Networks that get in, with commas between them; may be said several times.",
        HelpName = "NETWORK,...",
        AllowMultipleArgumentsPerToken = false,
        CustomParser = Split,
    };

    public static Command Create()
    {
        Command command = CommandLine.Verb(
            "lockdown",
            "Locks services: for a time, only the allow list and the networks named here open new connections; those that stand go on. Each call says all of it anew. The client of your ssh session is excepted from a lockdown of ssh by itself. It ends by itself.",
            "ratewall lockdown imap --for 2h --except 192.0.2.0/24 --trusted\nratewall lockdown imap --end",
            Run);
        command.Add(Services);
        command.Add(Duration);
        command.Add(Except);
        command.Add(Trusted);
        command.Add(End);
        return command;
    }

    private static ExitCode Run(Session session, ParseResult arguments)
    {
        EffectivePolicy policy = session.LoadPolicy();
        IReadOnlyList<ServicePolicy> services = ServiceArguments.Read(arguments.GetValue(Services)!, policy);
        TimeSpan? duration = ServiceArguments.ReadDuration("lockdown", arguments.GetValue(Duration), arguments.GetValue(End));
        AddressPrefix[] except = ReadExceptions(arguments.GetValue(Except) ?? []);

        using StateLock held = StateLock.Wall(session.StateDirectory, session.Time, session.Error);
        using KernelPorts kernel = KernelPorts.Open(session.Time);
        if (duration is not null && !kernel.WallKnowsPorts)
            throw new CommandException(ExitCode.Refused, "the wall is not up, so nothing can be locked; run 'ratewall apply' first");
        using StateDatabase state = StateDatabase.Open(session.StateDirectory, session.Time, session.Error);
        var measures = new PortMeasures(state, kernel, policy, session.Time);
        if (duration is null) return MeasureAnswer.Ended(session, "lockdown", services, measures.End(MeasureKind.Lockdown, services));

        DateTimeOffset until = session.Time.GetUtcNow() + duration.Value;
        IReadOnlyDictionary<int, Lockdown> before = kernel.Lockdowns();
        SshSession.Connection? operatorAt = SshSession.Find();
        SourceKeys keys = Exemptions.Read(policy).Keys;
        var begun = new List<MeasureBegun>();
        foreach (ServicePolicy service in services)
        {
            AddressPrefix? client = operatorAt is { } at && IsWayIn(service, at) ? keys.KeyOf(at.Client) : null;
            var lockdown = new Lockdown(until, arguments.GetValue(Trusted), client is { } own ? [.. except, own] : except);
            measures.Lock([service], lockdown);
            begun.Add(new(service.Name, service.Ports.Any(before.ContainsKey), "in lockdown", WhoGetsIn(policy, except, client, lockdown.Trusted)));
        }

        MeasureAnswer.Begun(session, "lockdown", until, begun);
        return ExitCode.Done;
    }

    /// <summary>True for a service by which the operator came in, or may come in again.</summary>
    internal static bool IsWayIn(ServicePolicy service, SshSession.Connection session) =>
        service.Family == "ssh" || service.Ports.Contains(session.ServerPort);

    internal static string WhoGetsIn(EffectivePolicy policy, IReadOnlyList<AddressPrefix> except, AddressPrefix? client, bool trusted)
    {
        var who = new List<string>();
        if (policy.Allow.Count > 0) who.Add("the allow list");
        who.AddRange(except.Select(n => n.ToString()));
        if (client is { } own) who.Add($"{own}, the client of your ssh session");
        if (trusted) who.Add("sources that have logged in lately");
        return who.Count == 0 ? "nobody opens a new connection" : $"new connections only from {string.Join("; ", who)}";
    }

    private static AddressPrefix[] ReadExceptions(string[] texts)
    {
        if (texts.Length > MostExceptions)
            throw new CommandException(ExitCode.Usage, $"{texts.Length} exceptions, more than {MostExceptions}; name wider networks, or put them on the policy's allow list");
        AddressPrefix[] networks = [.. texts.Select(BanArguments.ReadTarget).Distinct()];
        foreach (AddressPrefix network in networks)
        {
            if (network.Length == 0)
                throw new CommandException(ExitCode.Usage, $"--except {network} would let everybody in; name the networks you mean");
        }

        return networks;
    }

    private static string[] Split(ArgumentResult result) =>
        [.. result.Tokens.SelectMany(t => t.Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];
}
