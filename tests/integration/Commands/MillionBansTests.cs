using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Data.Sqlite;
using RateWall.IntegrationTests.Machine;
using RateWall.Netfilter;

namespace RateWall.IntegrationTests.Commands;

/// <summary>
/// A million bans: everything is answered, changed and mended with them present, in little memory, and without a dump of
/// their set. The program is the one that ./build.sh leaves: compiled ahead, it is the one that has the memory to keep.
/// </summary>
public sealed partial class MillionBansTests : IDisposable
{
    private const int Bans = 1_000_000;
    private const int Short = 1000;
    private const long MostMemory = 64 * 1024; // KiB
    private static readonly string Program = Checkout.Path("artifacts", "ratewall", "ratewall");

    // A run that goes on for 30 s is compiled again, which takes memory: only a machine that is busy makes one of these so long.
    // The runtime reads milliseconds in hexadecimal, here two hours, and they come before what the program's own file says.
    private static readonly Dictionary<string, string?> Quiet = new(StringComparer.Ordinal)
    {
        ["DOTNET_EnableDiagnostics"] = "0",
        ["DOTNET_TC_CallCountingDelayMs"] = "6DDD00",
    };

    private static readonly TableName Table = new(NetfilterFamily.Inet, "ratewall");

    private readonly NetworkNamespace network = new();
    private readonly RateWallProgram ratewall;

    public MillionBansTests() => ratewall = new(network);

    public void Dispose()
    {
        ratewall.Dispose();
        network.Dispose();
    }

    [LinuxFact("strace")]
    public void EveryVerb_AMillionBansPresent_AnswersInLittleMemoryWithoutADump()
    {
        Run("apply");
        network.Nft("delete", "table", "inet", "ratewall");
        Load();
        Assert.Contains("bans restored", Run("apply"), StringComparison.Ordinal);
        Assert.InRange(InKernel(), Bans - Short, Bans);
        network.Nft("delete", "table", "inet", "ratewall");
        Assert.Matches(@"it was gone; \d{6,7} bans put back", Run("correlate"));
        Assert.InRange(InKernel(), Bans - Short, Bans);

        Assert.Matches(@"bans: \d{6,7} in force", Traced("status"));
        Assert.Equal(21, Run("list", "--limit", "20").Trim().Split('\n').Length);
        Assert.InRange(Counted(trace: null, '\n', "list"), 1 + Bans - Short, 1 + Bans);
        Assert.InRange(Counted(trace: null, '{', "list", "--format", "json"), 1 + Bans - Short, 1 + Bans);
        Assert.Contains("2001:db8:2:7::/64", Run("trace", "2001:db8:2:7::5"), StringComparison.Ordinal);
        Assert.Contains("is unbanned", Traced("unban", "2001:db8:2:7::5"), StringComparison.Ordinal);
        long present = InKernel();

        // Another limit, then somebody else's rule.
        File.AppendAllText(ratewall.ConfigFile, "services: { imap: { limit: { connections: 5 } }, ftp: { enabled: false } }\n");
        Traced(1, "plan");
        Assert.Contains("bans and counters were kept", Traced("apply"), StringComparison.Ordinal);
        Assert.Contains("as policy says", Traced("plan"), StringComparison.Ordinal);
        network.Nft("add", "rule", "inet", "ratewall", "early", "tcp", "dport", "99", "accept");
        Assert.Contains("of chain early", Traced(1, "plan"), StringComparison.Ordinal);
        Assert.Contains("1 line of its rules had been changed", Traced("correlate"), StringComparison.Ordinal);
        Assert.Contains("as policy says", Traced("plan"), StringComparison.Ordinal);
        Assert.InRange(InKernel(), present - Short, present);

        Eventually.True("what has run out is gone", TimeSpan.FromMinutes(2), () => InKernel() <= Bans - Short - 1, () => $"{InKernel()}");
        Assert.Equal(1 + Bans - Short - 1, Counted(ratewall.Scratch("trace"), '{', "clear", "--yes", "--format", "json"));
        MustHaveDumpedNoBans();
        Assert.Equal(0, InKernel());
        Traced("remove");
    }

    // Into the history, from where a new wall takes its bans; one by one they would come through a log of a million offenders.
    private void Load()
    {
        using var state = new SqliteConnection($"Data Source={Path.Combine(ratewall.StateDirectory, "state.db")};Pooling=False");
        state.Open();
        using SqliteCommand insert = state.CreateCommand();
        insert.CommandText = """
            PRAGMA synchronous = OFF;
            WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $bans)
            INSERT INTO bans (target, scope, service, detection, at, until, reason, count, evidence, state)
            SELECT printf('2001:db8:%x:%x::/64', 1 + i / 65535, 1 + i % 65535), 'all', 'ssh', 'failures', $now, $now + iif(i < $short, 20000, 3600000),
                '5 failures', 5, $now, 1 FROM n;
            """;
        insert.Parameters.AddWithValue("$bans", Bans);
        insert.Parameters.AddWithValue("$short", Short);
        insert.Parameters.AddWithValue("$now", DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
        insert.ExecuteNonQuery();
    }

    private long InKernel() => network.Run(() =>
    {
        using NftablesClient kernel = NftablesClient.Open();
        return (long)kernel.ListSets(Table).Single(s => s.Name == "ban6").Count!.Value;
    });

    private string Run(params string[] verb) => Run(0, trace: null, verb, output => output.ReadToEnd());

    private string Traced(params string[] verb) => Traced(0, verb);

    private string Traced(int exitCode, params string[] verb)
    {
        string answer = Run(exitCode, ratewall.Scratch("trace"), verb, output => output.ReadToEnd());
        MustHaveDumpedNoBans();
        return answer;
    }

    private void MustHaveDumpedNoBans()
    {
        string[] asked = [.. File.ReadLines(ratewall.Scratch("trace"))];
        Assert.Contains(asked, l => l.Contains("NFNL_SUBSYS_NFTABLES", StringComparison.Ordinal));
        // strace shows names in attributes as bytes.
        Assert.DoesNotContain(asked, l => l.Contains("GETSETELEM", StringComparison.Ordinal) && l.Contains("NLM_F_DUMP", StringComparison.Ordinal)
            && l.Contains(@"\x62\x61\x6e\x36\x00", StringComparison.Ordinal));
    }

    // How often a character stands in an answer of 160 MB.
    private long Counted(string? trace, char character, params string[] verb)
    {
        long count = 0;
        Run(0, trace, verb, output =>
        {
            char[] block = new char[64 * 1024];
            for (int got; (got = output.Read(block)) > 0;) count += block.AsSpan(0, got).Count(character);
            return "";
        });
        return count;
    }

    private string Run(int exitCode, string? trace, string[] verb, Func<TextReader, string> read)
    {
        string[] tracer = trace is null ? [] : ["strace", "-f", "-qq", "-v", "-s", "512", "-o", trace, "-e", "trace=sendto,sendmsg"];
        string[] command = [.. tracer, Program, .. verb, "--config", ratewall.ConfigFile, "--state-dir", ratewall.StateDirectory];
        using Process process = network.Start(command[0], command[1..], Quiet);
        Task<string> output = Task.Run(() => read(process.StandardOutput)), error = process.StandardError.ReadToEndAsync();
        long peak = 0;
        do peak = Math.Max(peak, Peak(process.Id, traced: trace is not null));
        while (!process.WaitForExit(TimeSpan.FromMilliseconds(2)));
        string what = $"{string.Join(' ', verb)}: {process.ExitCode}\n{output.Result}{error.Result}";
        Assert.True(process.ExitCode == exitCode, what);
        Assert.True(peak is > 0 and < MostMemory, $"{peak} KiB: {what}");
        return output.Result + error.Result;
    }

    // The most that was ever resident of the program, VmHWM (proc(5)); 0 before it is there and after it is gone.
    private static long Peak(int process, bool traced)
    {
        try
        {
            if (traced)
            {
                string child = File.ReadAllText($"/proc/{process}/task/{process}/children").Split(' ')[0];
                if (child.Length == 0) return 0;
                process = int.Parse(child, CultureInfo.InvariantCulture);
            }

            string status = File.ReadAllText($"/proc/{process}/status");
            return status.StartsWith("Name:\tratewall\n", StringComparison.Ordinal) && HighWater().Match(status) is { Success: true } peak
                ? long.Parse(peak.Groups["kib"].ValueSpan, CultureInfo.InvariantCulture)
                : 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    [GeneratedRegex(@"VmHWM:\s+(?<kib>\d+) kB", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex HighWater();
}
