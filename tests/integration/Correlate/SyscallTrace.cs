using System.Globalization;
using System.Text.RegularExpressions;

namespace RateWall.IntegrationTests.Correlate;

/// <summary>A system call of the program's main thread: its name, and that it is the n-th of this name.</summary>
internal sealed record SyscallPoint(string Name, int Occurrence);

/// <summary>What strace wrote of a run: where its first kernel message and its last write to the state lie.</summary>
internal sealed partial class SyscallTrace
{
    /// <summary>Calls by which the program changes anything outside itself, or is answered.</summary>
    public const string Traced = "sendto,sendmsg,recvmsg,recvfrom,pwrite64,pread64,fdatasync,fcntl,flock,openat,close,ftruncate,socket";

    private SyscallTrace(IReadOnlyList<SyscallPoint> points) => Points = points;

    /// <summary>The calls from the first message to nftables to the last write of the commit, in order.</summary>
    public IReadOnlyList<SyscallPoint> Points { get; }

    public static SyscallTrace Read(string file)
    {
        string[] lines = File.ReadAllLines(file);
        // strace counts injections for each thread by itself; the program does all of this on its first one.
        string main = lines[0].Split(' ', 2)[0];
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        var calls = new List<(SyscallPoint Point, string Line)>();
        foreach (string line in lines)
        {
            Match match = Call().Match(line);
            if (!match.Success || match.Groups["thread"].Value != main) continue;
            string name = match.Groups["name"].Value;
            counts[name] = counts.GetValueOrDefault(name) + 1;
            calls.Add((new(name, counts[name]), line));
        }

        int first = calls.FindIndex(c => c.Line.Contains("nlmsg_type", StringComparison.Ordinal) || c.Line.Contains("NFNL_SUBSYS_NFTABLES", StringComparison.Ordinal));
        int last = calls.FindLastIndex(c => c.Point.Name == "pwrite64");
        Assert.True(first >= 0 && last > first, string.Create(CultureInfo.InvariantCulture, $"{calls.Count} calls, first message {first}, last write {last}"));
        return new([.. calls[first..(last + 1)].Select(c => c.Point)]);
    }

    [GeneratedRegex(@"^(?<thread>\d+) +(?<name>[a-z0-9_]+)\(", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Call();
}
