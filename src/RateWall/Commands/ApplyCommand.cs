using System.CommandLine;
using RateWall.Netfilter;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>`ratewall apply`: puts the wall up as policy says, in one transaction, keeping everything that lives in it.</summary>
internal static class ApplyCommand
{
    private static readonly Option<bool> Check = new("--check")
    {
        Description = "Let the kernel validate everything and change nothing.",
    };

    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    private static readonly Option<string?> Confirm = new("--confirm")
    {
        Description = "Put the wall before this one back, as it was, unless 'ratewall confirm' comes in this time.",
        HelpName = "90s",
    };

    public static Command Create()
    {
        Command verb = CommandLine.Verb(
            "apply",
            "Puts the wall into the kernel as policy says. Bans, counters and deadlines that are there stay.",
            "ratewall apply --check\nratewall apply --confirm 90s\nratewall apply",
            (session, parsed) => parsed.GetValue(Check) ? Validate(session) : Apply(session, ReadWait(parsed.GetValue(Confirm))));
        verb.Add(Check);
        verb.Add(Confirm);
        verb.Validators.Add(result =>
        {
            if (result.GetValue(Check) && result.GetValue(Confirm) is not null) result.AddError("--check changes nothing, so there is nothing to confirm; leave out --check or --confirm");
        });
        return verb;
    }

    private static ExitCode Validate(Session session)
    {
        WallTemplates templates = session.LoadTemplates();
        Ruleset ruleset = new RulesetRenderer(templates).Render(session.LoadPolicy());
        using KernelWall wall = KernelWall.Open(session.StateDirectory, session.Time);
        wall.Check(ruleset);
        TellOfAbsentInterfaces(session, ruleset);
        Answer(session, templates, changed: false, "valid", $"the kernel would take this wall: {ruleset.Sets.Count} sets, {ruleset.Chains.Count} chains; nothing was changed");
        return ExitCode.Done;
    }

    private static TimeSpan? ReadWait(string? text)
    {
        if (text is null) return null;
        if (!DurationText.TryParse(text, out TimeSpan wait))
            throw new CommandException(ExitCode.Usage, $"'{TerminalText.Escape(text)}' is not a duration (try 90s, 10m)");
        if (wait < TimeSpan.FromSeconds(1) || wait > LongestWait)
            throw new CommandException(ExitCode.Usage, $"a wall waits for its confirmation from 1s to {DurationText.Format(LongestWait)}, not {DurationText.Format(wait)}");
        return wait;
    }

    private static ExitCode Apply(Session session, TimeSpan? wait)
    {
        EffectivePolicy policy = session.LoadPolicy();
        WallTemplates templates = session.LoadTemplates();
        Ruleset ruleset = new RulesetRenderer(templates).Render(policy);
        Exemptions exemptions = Exemptions.Read(policy);

        using StateLock turn = StateLock.Wall(session.StateDirectory, session.Time, session.Error);
        using KernelWall wall = KernelWall.Open(session.StateDirectory, session.Time);
        var confirmation = new Confirmation(session, wall);
        if (confirmation.HoldsBack(policy, ruleset)) return HeldBack(session, templates, confirmation.Current!);
        if (confirmation.TakeBackIfOverdue() is { } overdue) session.Error.WriteLine($"ratewall: {overdue}");
        if (wait is null && confirmation.Current is { TakenBack: false } waiting) throw Waits(waiting);
        SessionGuard.MustSurvive(session, policy, wall, exemptions.Keys);
        if (wait is null) SessionGuard.TellOfTemplates(session, templates);
        UnconfirmedWall? begun = wait is { } limit && wall.Compare(policy, ruleset).Any ? confirmation.Begin(policy, ruleset, limit) : null;
        using StateDatabase state = StateDatabase.Open(session.StateDirectory, session.Time, session.Error);
        var restoration = new Restoration(state, wall, policy, session.Time) { Connections = new(policy, exemptions, session.Time) };
        Restored back = default;
        uint generation = wall.Generation();
        ApplyOutcome outcome;
        try
        {
            outcome = wall.Apply(policy, ruleset, exemptions.Keys, () => back = restoration.All());
        }
        catch (NetfilterException e) when (begun is not null)
        {
            // The kernel took part of it, perhaps the part that locks out: the wait goes on, and its keeper goes back.
            if (wall.Generation() != generation)
                throw new CommandException(ExitCode.Refused, $"{e.Message}\n{WhatComesBack(begun)} at {HumanTime.Time(begun.Until, TimeZoneInfo.Local)}; 'ratewall confirm --revert' does it now");
            confirmation.Abandon(begun);
            throw;
        }

        if (begun is not null) confirmation.Begun(begun);
        else if (wait is null) confirmation.Settle();
        // Of a wall that stood something may be missing all the same: elements that somebody took out, a set that is new.
        if (!outcome.Created) back = restoration.PutBack(restoration.Missing());
        TellOfFullSets(session, restoration);
        EndConnections(session, restoration);
        using KernelPorts ports = KernelPorts.Open(session.Time);
        IReadOnlyList<StoredMeasure> measures = new PortMeasures(state, ports, policy, session.Time).Restore();

        string limits = $"{HumanCount.Of(policy.Enabled.Count(s => s.Limit.Mode != LimitMode.Off), "service")} limited";
        string sentence = outcome switch
        {
            { Created: true } => $"the wall is up: {limits}, {HumanCount.Of(back.Bans, "ban")} restored",
            { Changed: true } => $"the wall is now as policy says: {limits}; bans and counters were kept",
            _ when back.Any => "the wall is as policy says again",
            _ => "the wall is as policy says already; nothing was changed",
        };
        if (!outcome.Created && back.Any) sentence += $"; {back} put back";
        if (measures.Count > 0) sentence += $"; put back: {string.Join(", ", measures.Select(PortMeasures.Name))}";
        TellOfAbsentInterfaces(session, ruleset);
        if (outcome.Changed) TellOfEmptiedSets(session, wall);
        bool changed = outcome.Changed || back.Any || measures.Count > 0;
        if (begun is not null) sentence += $"\nrun 'ratewall confirm' before {HumanTime.Time(begun.Until, TimeZoneInfo.Local)}, or {WhatComesBack(begun)}";
        else if (confirmation.Current is { TakenBack: false } still) sentence += $"; it waits for 'ratewall confirm' until {HumanTime.Time(still.Until, TimeZoneInfo.Local)} as before";
        Answer(session, templates, changed, changed ? "applied" : "unchanged", sentence, begun?.Until);
        return ExitCode.Done;
    }

    private static string WhatComesBack(UnconfirmedWall begun) => begun.Prior is null ? "the wall is taken away again" : "the wall before it is put back";

    private static CommandException Waits(UnconfirmedWall waiting) => new(
        ExitCode.No, $"a wall waits for its confirmation until {HumanTime.Time(waiting.Until, TimeZoneInfo.Local)}, so nothing was changed; run 'ratewall confirm' or 'ratewall confirm --revert' first, or 'ratewall apply --confirm' to try this policy in its place");

    private static ExitCode HeldBack(Session session, WallTemplates templates, UnconfirmedWall held)
    {
        Answer(
            session, templates, changed: true, "held_back",
            $"this policy was put up with --confirm and never confirmed, so it is held back after a restart: {Confirmation.Before(held)}; run 'ratewall apply --confirm 90s' to try it again");
        return ExitCode.No;
    }

    /// <summary>Ends what sources still hold whose bans were put back, and tells of it.</summary>
    internal static void EndConnections(Session session, Restoration restoration)
    {
        EndedConnections connections = restoration.EndConnections();
        if (connections.Ended > 0) session.Error.WriteLine($"ratewall: ended {HumanCount.Of(connections.Ended, "open connection")} of banned sources");
        if (connections.Problem is { } problem) session.Error.WriteLine($"ratewall: warning: the bans stand, but open connections of banned sources were not ended: {problem}");
    }

    /// <summary>Warns of what found no room.</summary>
    internal static void TellOfFullSets(Session session, Restoration restoration)
    {
        if (restoration.BansWithoutRoom > 0)
            session.Error.WriteLine($"ratewall: warning: {restoration.BansWithoutRoom} bans found no room in the kernel; raise bans.size in the policy");
        if (restoration.TrustWithoutRoom > 0)
            session.Error.WriteLine($"ratewall: warning: {restoration.TrustWithoutRoom} trusted sources found no room in the kernel and have the limits of strangers");
    }

    private static void TellOfEmptiedSets(Session session, KernelWall wall)
    {
        foreach (string set in wall.Emptied)
            session.Error.WriteLine($"ratewall: warning: set {set} is of another kind now, and held more elements than move at once: it has the bans of the history again, without their counters and without what nft had added");
    }

    private static void TellOfAbsentInterfaces(Session session, Ruleset ruleset)
    {
        foreach (string name in KernelWall.AbsentInterfaces(ruleset))
            session.Error.WriteLine($"ratewall: warning: there is no interface {name} (early.ingress); until there is one, its packets meet the bans in the usual place. From Linux 6.16 on it is hooked when it comes, before by the next 'ratewall correlate' or 'ratewall apply'");
    }

    private static void Answer(Session session, WallTemplates templates, bool changed, string action, string sentence, DateTimeOffset? until = null)
    {
        if (session.Format == OutputFormat.Json)
        {
            ChangeItemForm[] items = [new("wall", action, HumanTime.Rfc3339(until), sentence), .. templates.Overrides.Select(t => new ChangeItemForm(t, "in place of the built-in template"))];
            AnswerJson.Write(session.Out, new ChangeForm("apply", changed, items), AnswerJson.Default.ChangeForm);
            return;
        }

        session.Out.WriteLine(sentence);
        TellOfOverrides(session, templates);
    }

    /// <summary>Says which templates are the operator's.</summary>
    internal static void TellOfOverrides(Session session, WallTemplates templates)
    {
        foreach (string path in templates.Overrides)
            session.Out.WriteLine($"in place of a built-in template: {TerminalText.Escape(path)}");
    }
}
