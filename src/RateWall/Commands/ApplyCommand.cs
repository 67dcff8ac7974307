using System.CommandLine;
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

    public static Command Create()
    {
        Command verb = CommandLine.Verb(
            "apply",
            "Puts the wall into the kernel as policy says. Bans, counters and deadlines that are there stay.",
            "ratewall apply --check\nratewall apply",
            (session, parsed) => parsed.GetValue(Check) ? Validate(session) : Apply(session));
        verb.Add(Check);
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

    private static ExitCode Apply(Session session)
    {
        EffectivePolicy policy = session.LoadPolicy();
        WallTemplates templates = session.LoadTemplates();
        Ruleset ruleset = new RulesetRenderer(templates).Render(policy);
        Exemptions exemptions = Exemptions.Read(policy);

        using StateLock turn = StateLock.Wall(session.StateDirectory, session.Time, session.Error);
        using KernelWall wall = KernelWall.Open(session.StateDirectory, session.Time);
        using StateDatabase state = StateDatabase.Open(session.StateDirectory, session.Time, session.Error);
        var restoration = new Restoration(state, wall, policy, session.Time);
        Restored back = default;
        ApplyOutcome outcome = wall.Apply(policy, ruleset, exemptions.Keys, () => back = restoration.All());
        // Of a wall that stood something may be missing all the same: elements that somebody took out, a set that is new.
        if (!outcome.Created) back = restoration.PutBack(restoration.Missing());
        restoration.PutAtOneService();
        TellOfFullSets(session, restoration);
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
        bool changed = outcome.Changed || back.Any || measures.Count > 0;
        Answer(session, templates, changed, changed ? "applied" : "unchanged", sentence);
        return ExitCode.Done;
    }

    /// <summary>Warns of what found no room.</summary>
    internal static void TellOfFullSets(Session session, Restoration restoration)
    {
        if (restoration.BansWithoutRoom > 0)
            session.Error.WriteLine($"ratewall: warning: {restoration.BansWithoutRoom} bans found no room in the kernel; raise bans.size in the policy");
        if (restoration.TrustWithoutRoom > 0)
            session.Error.WriteLine($"ratewall: warning: {restoration.TrustWithoutRoom} trusted sources found no room in the kernel and have the limits of strangers");
    }

    private static void TellOfAbsentInterfaces(Session session, Ruleset ruleset)
    {
        foreach (string name in KernelWall.AbsentInterfaces(ruleset))
            session.Error.WriteLine($"ratewall: warning: there is no interface {name} (early.ingress); until there is one, its packets meet the bans in the usual place. From Linux 6.16 on it is hooked when it comes, before by the next 'ratewall apply'");
    }

    private static void Answer(Session session, WallTemplates templates, bool changed, string action, string sentence)
    {
        if (session.Format == OutputFormat.Json)
        {
            ChangeItemForm[] items = [new("wall", action, Note: sentence), .. templates.Overrides.Select(t => new ChangeItemForm(t, "in place of the built-in template"))];
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
