using System.CommandLine;
using RateWall.Output;

namespace RateWall.Commands;

/// <summary>`ratewall version`: which program this is.</summary>
internal static class VersionCommand
{
    /// <summary>The program's version, "1.2.3".</summary>
    public static string Version => typeof(VersionCommand).Assembly.GetName().Version!.ToString(3);

    public static Command Create() => CommandLine.Verb("version", "Says which version this is.", "ratewall version", (session, _) =>
    {
        if (session.Format == OutputFormat.Json) AnswerJson.Write(session.Out, new VersionForm(Version), AnswerJson.Default.VersionForm);
        else session.Out.WriteLine($"ratewall {Version}");
        return ExitCode.Done;
    });
}
