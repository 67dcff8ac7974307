using System.CommandLine;

namespace RateWall.Commands;

/// <summary>`ratewall version`: which program this is.</summary>
internal static class VersionCommand
{
    public static Command Create() => CommandLine.Verb("version", "Says which version this is.", "ratewall version", (session, _) =>
    {
        string version = typeof(VersionCommand).Assembly.GetName().Version!.ToString(3);
        session.Out.WriteLine(session.Format == OutputFormat.Json
            ? $"{{\"schema\":\"ratewall.version/1\",\"version\":\"{version}\"}}"
            : $"ratewall {version}");
        return ExitCode.Done;
    });
}
