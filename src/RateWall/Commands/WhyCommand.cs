using System.CommandLine;
using RateWall.Detection;
using RateWall.Netfilter;
using RateWall.Output;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>`ratewall why`: what is known of an address now, and what it would take to be banned, limited or freed.</summary>
internal static class WhyCommand
{
    private static readonly Argument<string> Target = new("ADDRESS") { Description = "One address." };

    public static Command Create()
    {
        Command command = CommandLine.Verb(
            "why",
            "Shows what is known of an address now: bans that cover it, trust, what is counted against it, its network and accounts it tried, and how much more leads to a ban, the connections it holds, the limits it meets. What the kernel knows takes root; without, it says what is missing.",
            "ratewall why 192.0.2.7",
            Run);
        command.Add(Target);
        return command;
    }

    private static ExitCode Run(Session session, ParseResult arguments)
    {
        AddressPrefix asked = BanArguments.ReadTarget(arguments.GetValue(Target)!);
        if (!asked.IsSingle) throw new CommandException(ExitCode.Usage, $"{asked} is a network; ask about one address of it");
        EffectivePolicy policy = session.LoadPolicy();
        Exemptions exemptions = Exemptions.Read(policy);
        var missing = new List<string>();
        SourceStanding? kernel = AskKernel(session, exemptions.Keys.KeyOf(asked.Address), policy, missing);
        using StateDatabase? state = OpenState(session, missing);
        IReadOnlyList<HeldForm>? connections = AskForConnections(session, exemptions.Keys.KeyOf(asked.Address), policy, exemptions, state, missing);
        var source = new KnownSource(asked, policy, exemptions, state, kernel, connections, session.Time.GetUtcNow());
        if (session.Format == OutputFormat.Json) AnswerJson.Write(session.Out, source.Form(missing), AnswerJson.Default.WhyForm);
        else new WhyAnswer(session, source.Form(missing)).Write();
        return ExitCode.Done;
    }

    private static SourceStanding? AskKernel(Session session, AddressPrefix key, EffectivePolicy policy, List<string> missing)
    {
        try
        {
            SourceStanding standing = SourceStanding.Read(key, policy, session.Time);
            if (!standing.Wall) missing.Add("what the kernel knows: there is no wall; 'ratewall apply' puts it up");
            return standing.Wall ? standing : null;
        }
        catch (NetfilterException e) when (e.IsNotPermitted)
        {
            missing.Add("what the kernel knows (whether bans and trust stand there, connections counted by limits, sieges, lockdowns): run as root");
            return null;
        }
    }

    private static IReadOnlyList<HeldForm>? AskForConnections(
        Session session, AddressPrefix key, EffectivePolicy policy, Exemptions exemptions, StateDatabase? state, List<string> missing)
    {
        try
        {
            return KnownConnections.Of(key, policy, exemptions.Keys, state, session.Time);
        }
        catch (NetfilterException e)
        {
            missing.Add($"which connections it holds: {e.Message}");
            return null;
        }
    }

    private static StateDatabase? OpenState(Session session, List<string> missing)
    {
        try
        {
            return StateDatabase.OpenReadOnly(session.StateDirectory);
        }
        catch (UnauthorizedAccessException)
        {
            missing.Add($"what {session.StateDirectory} remembers (bans, what is counted against it, its logins): run as root");
            return null;
        }
    }
}
