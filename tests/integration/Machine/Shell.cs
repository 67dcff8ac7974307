using System.Diagnostics;
using System.Text;

namespace RateWall.IntegrationTests.Machine;

/// <summary>What a child process answered.</summary>
public sealed record Answer(int ExitCode, string Out, string Error)
{
    /// <summary>The answer, or a failed test with everything the program said.</summary>
    public Answer MustSucceed(string what)
    {
        Assert.True(ExitCode == 0, $"{what}: exit code {ExitCode}\n{Out}\n{Error}");
        return this;
    }
}

/// <summary>Runs programs by argument list; no shell is ever given data.</summary>
public static class Shell
{
    public static bool IsInstalled(string program) => FindOnPath(program) is not null;

    /// <summary>The full path of a program, sbin included, or null.</summary>
    public static string? FindOnPath(string program)
    {
        string path = (Environment.GetEnvironmentVariable("PATH") ?? "") + ":/usr/sbin:/sbin:/usr/bin:/bin";
        return path.Split(':', StringSplitOptions.RemoveEmptyEntries).Select(d => Path.Combine(d, program)).FirstOrDefault(File.Exists);
    }

    /// <summary>Runs to the end, at most two minutes.</summary>
    public static Answer Run(string program, params string[] arguments) => Run(program, arguments, input: null, environment: null);

    public static Answer Run(
        string program, IReadOnlyList<string> arguments, string? input, IReadOnlyDictionary<string, string?>? environment,
        TimeSpan? limit = null)
    {
        using Process process = Start(program, arguments, environment, redirectInput: true);
        var output = new StringBuilder();
        var error = new StringBuilder();
        process.OutputDataReceived += (_, e) => Append(output, e.Data);
        process.ErrorDataReceived += (_, e) => Append(error, e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            if (input is not null) process.StandardInput.Write(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The program ended without reading its input; its exit code tells the story.
        }

        if (!process.WaitForExit(limit ?? TimeSpan.FromMinutes(2)))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', arguments)} did not end in time\n{output}\n{error}");
        }

        process.WaitForExit();
        return new(process.ExitCode, output.ToString(), error.ToString());
    }

    /// <summary>Starts a program that goes on; the caller ends it.</summary>
    public static Process Start(
        string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string?>? environment = null, bool redirectInput = false)
    {
        var start = new ProcessStartInfo(FindOnPath(program) ?? program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = redirectInput,
            UseShellExecute = false,
        };
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        foreach ((string name, string? value) in environment ?? new Dictionary<string, string?>(StringComparer.Ordinal)) start.Environment[name] = value;
        return Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start");
    }

    private static void Append(StringBuilder text, string? line)
    {
        if (line is null) return;
        lock (text) text.Append(line).Append('\n');
    }
}
