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
        int restored = 0;
        ApplyOutcome outcome = wall.Apply(policy, ruleset, exemptions.Keys, bans => restored = Restore(session, policy, bans));
        IReadOnlyList<StoredMeasure> measures = AlignPorts(session, policy, wall.Bans, outcome.Changed);

        string limits = $"{HumanCount.Of(policy.Enabled.Count(s => s.Limit.Mode != LimitMode.Off), "service")} limited";
        string sentence = outcome switch
        {
            { Created: true } => $"the wall is up: {limits}, {HumanCount.Of(restored, "ban")} restored",
            { Changed: true } => $"the wall is now as policy says: {limits}; bans and counters were kept",
            _ => "the wall is as policy says already; nothing was changed",
        };
        if (measures.Count > 0) sentence += $"; put back: {string.Join(", ", measures.Select(PortMeasures.Name))}";
        TellOfAbsentInterfaces(session, ruleset);
        bool changed = outcome.Changed || measures.Count > 0;
        Answer(session, templates, changed, changed ? "applied" : "unchanged", sentence);
        return ExitCode.Done;
    }

    /// <summary>A wall that is new (a reboot, a flush) gets back what the history says is still in force.</summary>
    private static int Restore(Session session, EffectivePolicy policy, KernelBans bans)
    {
        using StateDatabase state = StateDatabase.Open(session.StateDirectory, session.Time, session.Error);
        DateTimeOffset now = session.Time.GetUtcNow();
        BanElement[] inForce = [.. state.InForce(now).Select(b => BanElements.Of(b, policy))];
        int restored = bans.Put(inForce).Count(standing => standing is not null);
        if (restored < inForce.Length)
            session.Error.WriteLine($"ratewall: warning: {inForce.Length - restored} bans found no room in the kernel; raise bans.size in the policy");
        int strangers = bans.Trust([.. state.SuccessesSince(now - policy.Trust.For).Select(s =>
            (s.Key, s.Family, policy.Trust.Until(s.UnixMilliseconds, now)))]);
        if (strangers > 0)
            session.Error.WriteLine($"ratewall: warning: {strangers} trusted sources found no room in the kernel and have the limits of strangers");
        return restored;
    }

    /// <summary>What is put on single ports follows the services there: when they change, and when the wall has lost it.</summary>
    private static IReadOnlyList<StoredMeasure> AlignPorts(Session session, EffectivePolicy policy, KernelBans bans, bool changed)
    {
        using StateDatabase state = StateDatabase.Open(session.StateDirectory, session.Time, session.Error);
        if (changed) bans.Put([.. state.InForceAtOneService(session.Time.GetUtcNow()).Select(b => BanElements.Of(b, policy))]);
        using KernelPorts ports = KernelPorts.Open(session.Time);
        return new PortMeasures(state, ports, policy, session.Time).Restore();
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
