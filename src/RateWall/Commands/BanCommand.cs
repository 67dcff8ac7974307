using System.CommandLine;
using RateWall.Detection;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>`ratewall ban`: bans an address or network by hand; the kernel ends it.</summary>
internal static class BanCommand
{
    private const int MaxReasonLength = 200;

    private static readonly Argument<string> Target = new("TARGET") { Description = "An address or a network. An IPv6 address is banned with its /64." };
    private static readonly Option<string?> Duration = new("--for") { Description = "How long (default: the policy's first ban).", HelpName = "1h" };
    private static readonly Option<string?> At = new("--service") { Description = "Ban it at the ports of this service alone.", HelpName = "NAME" };
    private static readonly Option<string?> Reason = new("--reason") { Description = "Why, for list and trace.", HelpName = "TEXT" };
    private static readonly Option<bool> Force = new("--force") { Description = "Also a very wide network (wider than /8, IPv6 /16), or one with addresses in it that are never banned." };

    public static Command Create()
    {
        Command command = CommandLine.Verb("ban", "Bans an address or network. Banning it again moves the end, also to an earlier time.", "ratewall ban 192.0.2.7 --for 2h --reason 'abuse report'\nratewall ban 192.0.2.7 --service imap --for 1h", Run);
        command.Add(Target);
        command.Add(Duration);
        command.Add(At);
        command.Add(Reason);
        command.Add(Force);
        return command;
    }

    private static ExitCode Run(Session session, ParseResult arguments)
    {
        EffectivePolicy policy = session.LoadPolicy();
        AddressPrefix asked = BanArguments.ReadTarget(arguments.GetValue(Target)!);
        TimeSpan duration = BanArguments.ReadDuration(arguments.GetValue(Duration), policy.Bans.First);
        string reason = arguments.GetValue(Reason) is { Length: > 0 } given ? given[..Math.Min(given.Length, MaxReasonLength)] : "by hand";
        Exemptions exemptions = Exemptions.Read(policy);
        AddressPrefix target = KeyOf(asked, exemptions.Keys);
        if (Refusal(target, exemptions, arguments.GetValue(Force)) is { } refusal) throw new CommandException(ExitCode.Usage, refusal);
        ServicePolicy? service = arguments.GetValue(At) is { } name ? ServiceArguments.Read(name, policy) : null;
        if (service is not null && !KernelBans.CanBeBannedAtOneService(target))
            throw new CommandException(ExitCode.Usage, $"{target} is a network, and at one service only single addresses are banned (of IPv6 also a /64); ban it at all of them without --service");

        using StateLock held = StateLock.Wall(session.StateDirectory, session.Time, session.Error);
        using KernelBans kernel = KernelBans.Open(session.Time);
        if (!kernel.WallPresent) throw new CommandException(ExitCode.Refused, "the wall is not up, so nobody can be banned; run 'ratewall apply' first");
        using StateDatabase state = StateDatabase.Open(session.StateDirectory, session.Time, session.Error);
        DateTimeOffset now = DateTimeOffset.FromUnixTimeMilliseconds(session.Time.GetUtcNow().ToUnixTimeMilliseconds());
        BanElement? before = service is null ? kernel.Find(target) : kernel.FindAt(target, service.Ports);
        StoredBan pending = state.AddByHand(
            new(0, target, service?.Name ?? StoredBan.AllPorts, Service: null, StoredBan.ByHand, now, now + duration, reason, 0, now, BanState.Pending));
        if (kernel.Put([BanElements.Of(pending, policy)], shorten: true)[0] is not { } standing)
        {
            state.Drop([pending]);
            throw new CommandException(ExitCode.Refused, $"{target} is not banned: the kernel's set of bans is full; end other bans, or raise bans.size in the policy and run 'ratewall apply'");
        }

        state.Activate([pending]);
        EndedConnections connections = new BannedConnections(policy, exemptions, session.Time).End([pending]);
        if (connections.Problem is { } problem)
            session.Error.WriteLine($"ratewall: warning: the ban stands, but its open connections were not ended: {problem}");
        Tell(session, asked, pending, standing, before, connections.Ended);
        return ExitCode.Done;
    }

    /// <summary>What is banned when this was written: a lone IPv6 address stands for its key.</summary>
    internal static AddressPrefix KeyOf(AddressPrefix asked, SourceKeys keys) => asked.IsSingle ? keys.KeyOf(asked.Address) : asked;

    /// <summary>Why a target is not banned; null when it may be.</summary>
    internal static string? Refusal(AddressPrefix target, Exemptions exemptions, bool force)
    {
        if (exemptions.Find(target) is { } exemption)
        {
            string who = $"{exemption.Network} is {exemption.Reason}";
            // A wide network may be meant although one of its addresses is exempt; the address itself never is.
            if (exemption.Network.Contains(target) || target.IsSingle) return $"{target} is never banned: {who}";
            if (!force) return $"{target} is not banned: {who} and lies in it; --force bans it all the same";
        }

        return BanArguments.IsVeryWide(target) && !force
            ? $"{target} is a very wide network; if it is meant, say --force"
            : null;
    }

    private static void Tell(Session session, AddressPrefix asked, StoredBan ban, BanElement standing, BanElement? before, int ended)
    {
        AddressPrefix target = ban.Target;
        var notes = new List<string>();
        if (target != asked) notes.Add($"{asked} is one address of {target}, which is banned as a whole");
        if (standing.Target != target) notes.Add($"it lies inside the ban of {standing.Target}, which was extended where needed");
        if (standing.Until is null || standing.Until - ban.Until > TimeSpan.FromSeconds(1)) notes.Add("an earlier ban lasts longer and stays");
        if (ended > 0) notes.Add($"{HumanCount.Of(ended, "open connection")} of it ended");
        string? note = notes.Count == 0 ? null : string.Join("; ", notes);
        if (session.Format == OutputFormat.Json)
        {
            var item = new ChangeItemForm(target.ToString(), Action(standing, before), HumanTime.Rfc3339(standing.Until), note) { ConnectionsEnded = ended };
            AnswerJson.Write(session.Out, new ChangeForm("ban", Changed: true, [item]), AnswerJson.Default.ChangeForm);
            return;
        }

        string where = ban.Scope == StoredBan.AllPorts ? "" : $" at {ban.Scope}";
        string end = standing.Until is { } deadline ? $"until {HumanTime.Time(deadline, TimeZoneInfo.Local)}" : "for ever";
        session.Out.WriteLine($"{target} is banned{where} {end}");
        if (note is not null) session.Out.WriteLine(note);
    }

    private static string Action(BanElement standing, BanElement? before) => before switch
    {
        null => "banned",
        { Until: { } old } when standing.Until is { } until && until >= old => "extended",
        { Until: not null } when standing.Until is null => "extended",
        { Until: null } when standing.Until is null => "extended",
        _ => "shortened",
    };
}
