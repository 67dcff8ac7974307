using System.CommandLine;
using RateWall.Detection;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>`ratewall unban`: ends a ban now, and forgives what led to it.</summary>
internal static class UnbanCommand
{
    private static readonly Argument<string> Target = new("TARGET") { Description = "The address or network, as `list` shows it." };

    private static readonly Option<string?> At = new("--service") { Description = "End only the ban at this service.", HelpName = "NAME" };

    public static Command Create()
    {
        Command command = CommandLine.Verb(
            "unban",
            "Ends the bans of a target now, at all services and at single ones; what it tried until now no longer counts. A wider ban that covers the target stays, and is named.",
            "ratewall unban 192.0.2.7\nratewall unban 192.0.2.7 --service imap",
            Run);
        command.Add(Target);
        command.Add(At);
        return command;
    }

    private static ExitCode Run(Session session, ParseResult arguments)
    {
        EffectivePolicy policy = session.LoadPolicy();
        AddressPrefix asked = BanArguments.ReadTarget(arguments.GetValue(Target)!);
        AddressPrefix key = BanCommand.KeyOf(asked, Exemptions.Read(policy).Keys);
        AddressPrefix[] targets = [.. new[] { asked, key }.Distinct()];
        ServicePolicy? service = arguments.GetValue(At) is { } name ? ServiceArguments.Read(name, policy) : null;

        using StateLock held = StateLock.Wall(session.StateDirectory, session.Time, session.Error);
        using KernelBans kernel = KernelBans.Open(session.Time);
        using StateDatabase state = StateDatabase.Open(session.StateDirectory, session.Time, session.Error);
        DateTimeOffset now = session.Time.GetUtcNow();
        // The history first: were it last, a kill in between would leave an unbanned source that the next run bans again.
        int remembered = state.Forgive([key], targets, now, service?.Name);
        bool wall = kernel.WallPresent;
        int removed = wall ? Remove(kernel, targets, service, policy) : 0;
        BanElement? wider = wall ? kernel.FindCovering(key) : Covering(state, key, now);
        bool changed = remembered + removed > 0;
        string? note = Note(key, service, changed, wider);
        Tell(session, key, service, changed, wider, note);
        return changed && wider is null ? ExitCode.Done : ExitCode.No;
    }

    private static int Remove(KernelBans kernel, AddressPrefix[] targets, ServicePolicy? service, EffectivePolicy policy)
    {
        if (service is not null) return targets.Sum(t => kernel.RemoveAt(t, service.Ports));
        int[] ports = [.. policy.Enabled.SelectMany(s => s.Ports)];
        return kernel.Remove(targets) + targets.Sum(t => kernel.RemoveAt(t, ports));
    }

    /// <summary>Without a wall: the ban that `apply` would bring back over this key.</summary>
    private static BanElement? Covering(StateDatabase state, AddressPrefix key, DateTimeOffset now)
    {
        for (int length = key.Length; length > 0; length--)
        {
            AddressPrefix candidate = AddressPrefix.Of(key.Address, length);
            StoredBan? standing = state.BansOf(candidate).Where(b => b.Scope == StoredBan.AllPorts && b.IsInForce(now)).MaxBy(b => b.Until);
            if (standing is not null) return new(candidate, standing.Until);
        }

        return null;
    }

    private static string? Note(AddressPrefix key, ServicePolicy? service, bool changed, BanElement? wider)
    {
        if (wider is not null && wider.Target == key)
            return $"{key} is still banned at every service; 'ratewall unban {key}' ends that";
        if (wider is not null)
            return $"{key} is still covered by the ban of {wider.Target}; 'ratewall unban {wider.Target}' ends that one for all of it";
        return changed ? null : $"{key} was not banned{Where(service)}; what it tried until now no longer counts";
    }

    private static string Where(ServicePolicy? service) => service is null ? "" : $" at {service.Name}";

    private static void Tell(Session session, AddressPrefix key, ServicePolicy? service, bool changed, BanElement? wider, string? note)
    {
        if (session.Format == OutputFormat.Json)
        {
            var item = new ChangeItemForm(key.ToString(), changed ? "unbanned" : "absent", HumanTime.Rfc3339(wider?.Until), note);
            AnswerJson.Write(session.Out, new ChangeForm("unban", changed, [item]), AnswerJson.Default.ChangeForm);
            return;
        }

        if (changed) session.Out.WriteLine($"{key} is unbanned{Where(service)}");
        if (note is not null) session.Out.WriteLine(note);
    }
}
