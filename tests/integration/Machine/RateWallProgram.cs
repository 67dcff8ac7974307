using System.Text.Json;

namespace RateWall.IntegrationTests.Machine;

/// <summary>The real program, in a network namespace, with a policy, a state and a log of its own.</summary>
public sealed class RateWallProgram : IDisposable
{
    private static readonly string Dotnet = Environment.ProcessPath is { } host && Path.GetFileName(host) == "dotnet" ? host : "dotnet";
    // What ./build.sh has made is compiled ahead and does the same in less time; test.sh, which has just made it, names it. Else
    // it is what was built with the tests, and never something older.
    private static readonly string Program = Environment.GetEnvironmentVariable("RATEWALL_TEST_PROGRAM") is { Length: > 0 } named
        ? named : Path.Combine(AppContext.BaseDirectory, "ratewall.dll");

    // A program that is killed would leave its debugger sockets in /tmp.
    private static readonly Dictionary<string, string?> Quiet = new(StringComparer.Ordinal) { ["DOTNET_EnableDiagnostics"] = "0" };
    private readonly NetworkNamespace network;
    private readonly string directory = Directory.CreateTempSubdirectory("ratewall-it-").FullName;

    public RateWallProgram(NetworkNamespace network, string? policy = null)
    {
        this.network = network;
        StateDirectory = Path.Combine(directory, "state");
        File.WriteAllText(LogFile, "");
        File.WriteAllText(ConfigFile, policy ?? $"defaults: {{ log: {{ file: {LogFile} }} }}\n");
    }

    public string LogFile => Path.Combine(directory, "auth.log");

    public string ConfigFile => Path.Combine(directory, "ratewall.yaml");

    /// <summary>Where the program keeps its state; a test may name another.</summary>
    public string StateDirectory { get; set; }

    /// <summary>A path for the test's own use.</summary>
    public string Scratch(string name) => Path.Combine(directory, name);

    /// <summary>Runs a verb to its end.</summary>
    public Answer Run(params string[] arguments) => network.Exec(Dotnet, CommandLine(arguments), null, Quiet);

    /// <summary>Runs a verb that has to succeed and answers in JSON.</summary>
    public JsonElement Json(params string[] arguments) =>
        JsonDocument.Parse(Run([.. arguments, "--format", "json"]).MustSucceed(string.Join(' ', arguments)).Out).RootElement.Clone();

    /// <summary>Runs a verb with variables of its own.</summary>
    public Answer RunWith(IReadOnlyDictionary<string, string?> environment, params string[] arguments) =>
        network.Exec(Dotnet, CommandLine(arguments), null, new Dictionary<string, string?>(environment.Concat(Quiet), StringComparer.Ordinal));

    /// <summary>Starts a verb that goes on; the caller ends it.</summary>
    public System.Diagnostics.Process Start(IReadOnlyDictionary<string, string?> environment, params string[] arguments) =>
        network.Start(Dotnet, CommandLine(arguments), new Dictionary<string, string?>(environment.Concat(Quiet), StringComparer.Ordinal));

    /// <summary>Runs a verb under strace(1).</summary>
    public Answer Trace(IEnumerable<string> options, params string[] arguments) => RunUnder("strace", options, arguments);

    /// <summary>Runs a verb under another program, which takes the command behind its options.</summary>
    public Answer RunUnder(string program, IEnumerable<string> options, params string[] arguments) =>
        network.Exec(program, [.. options, Shell.FindOnPath(Dotnet) ?? Dotnet, .. CommandLine(arguments)], null, Quiet);

    /// <summary>Starts a verb under another program, as <see cref="RunUnder"/>, that goes on; the caller ends it.</summary>
    public System.Diagnostics.Process StartUnder(string program, IEnumerable<string> options, IReadOnlyDictionary<string, string?> environment, params string[] arguments) =>
        network.Start(
            program, [.. options, Shell.FindOnPath(Dotnet) ?? Dotnet, .. CommandLine(arguments)],
            new Dictionary<string, string?>(environment.Concat(Quiet), StringComparer.Ordinal));

    public void Dispose() => Directory.Delete(directory, recursive: true);

    private string[] CommandLine(string[] arguments) =>
        ["exec", Program, .. arguments, "--config", ConfigFile, "--state-dir", StateDirectory];
}
