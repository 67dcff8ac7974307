using System.CommandLine;
using RateWall.Output;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>`ratewall remove`: takes the whole wall out of the kernel, limits and bans, in one transaction.</summary>
internal static class RemoveCommand
{
    public static Command Create() => CommandLine.Verb(
        "remove",
        "Takes the wall out of the kernel: limits, bans, counters. The history stays, so 'apply' brings back the bans still in force.",
        "ratewall remove",
        (session, _) => Run(session));

    private static ExitCode Run(Session session)
    {
        using StateLock turn = StateLock.Wall(session.StateDirectory, session.Time, session.Error);
        using KernelWall wall = KernelWall.Open(session.StateDirectory, session.Time);
        // First: a keeper that came in between would put the wall before it back.
        bool cancelled = new Confirmation(session, wall).Cancel();
        bool removed = wall.Remove();
        string sentence = removed ? "the wall is gone; nothing is limited or banned now" : "there was no wall";
        if (cancelled) sentence += "; nothing waits for confirmation any more";
        if (session.Format == OutputFormat.Json)
            AnswerJson.Write(session.Out, new ChangeForm("remove", removed, [new("wall", removed ? "removed" : "absent", Note: sentence)]), AnswerJson.Default.ChangeForm);
        else
            session.Out.WriteLine(sentence);
        return ExitCode.Done;
    }
}
