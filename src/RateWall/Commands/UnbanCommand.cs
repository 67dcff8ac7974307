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

    public static Command Create()
    {
        Command command = CommandLine.Verb(
            "unban", "Ends a ban now; what was tried until now no longer counts.", "ratewall unban 192.0.2.7", Run);
        command.Add(Target);
        return command;
    }

    private static ExitCode Run(Session session, ParseResult arguments)
    {
        EffectivePolicy policy = session.LoadPolicy();
        AddressPrefix asked = BanArguments.ReadTarget(arguments.GetValue(Target)!);
        AddressPrefix key = BanCommand.KeyOf(asked, Exemptions.Read(policy).Keys);
        AddressPrefix[] targets = [.. new[] { asked, key }.Distinct()];

        using StateLock held = StateLock.Wall(session.StateDirectory, session.Time, session.Error);
        using KernelBans kernel = KernelBans.Open(session.Time);
        using StateDatabase state = StateDatabase.Open(session.StateDirectory, session.Time, session.Error);
        // The history first: were it last, a kill in between would leave an unbanned source that the next run bans again.
        int remembered = state.Forgive([key], targets, session.Time.GetUtcNow());
        bool wall = kernel.WallPresent;
        int removed = wall ? kernel.Remove(targets) : 0;
        BanElement? wider = wall ? kernel.FindCovering(key) : null;
        bool changed = remembered + removed > 0;
        string? note = Note(key, changed, wider);
        Tell(session, key, changed, wider, note);
        return changed && wider is null ? ExitCode.Done : ExitCode.No;
    }

    private static string? Note(AddressPrefix key, bool changed, BanElement? wider)
    {
        if (wider is not null)
            return $"{key} is still covered by the ban of {wider.Target}; 'ratewall unban {wider.Target}' ends that one for all of it";
        return changed ? null : $"{key} was not banned; what it tried until now no longer counts";
    }

    private static void Tell(Session session, AddressPrefix key, bool changed, BanElement? wider, string? note)
    {
        if (session.Format == OutputFormat.Json)
        {
            var item = new ChangeItemForm(key.ToString(), changed ? "unbanned" : "absent", HumanTime.Rfc3339(wider?.Until), note);
            AnswerJson.Write(session.Out, new ChangeForm("unban", changed, [item]), AnswerJson.Default.ChangeForm);
            return;
        }

        if (changed) session.Out.WriteLine($"{key} is unbanned");
        if (note is not null) session.Out.WriteLine(note);
    }
}
