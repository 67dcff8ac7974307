using System.Diagnostics;
using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Detection.Logs;

namespace RateWall.Benchmarks;

/// <summary>
/// Reads a log with every rule and correlates it, and lets grep count the same kind of lines beside it. The first pass is
/// what a command that runs once sees; the best one is what --follow gets to.
/// </summary>
internal static class DetectionRun
{
    private static readonly string[] Patterns =
    [
        "Failed (password|publickey|none|keyboard-interactive/pam) for .* from [0-9a-fA-F:.]+ port [0-9]+",
        "Invalid user .* from [0-9a-fA-F:.]+", "User .* from .* not allowed because",
        "maximum authentication attempts exceeded for", "Connection (closed|reset) by (invalid|authenticating) user",
        "Unable to negotiate with", "Accepted [a-z/-]+ for .* from", "authentication failure; .*rhost=",
        "imap-login: .*\\(auth failed, [0-9]+ attempts", "imap-login: .*\\(no auth attempts", "imap-login: Login: ",
        "warning: .*SASL [A-Z0-9-]+ authentication failed", "FAIL LOGIN: Client", "badlogin: ",
    ];

    public static void Measure(string file, int passes = 5)
    {
        var clock = Stopwatch.StartNew();
        int rules = RuleSet.BuiltIn.Files.Sum(f => f.Rules.Count);
        Console.WriteLine($"{RuleSet.BuiltIn.Files.Count} rule files, {rules} rules loaded in {clock.ElapsedMilliseconds} ms");
        double best = double.MaxValue;
        for (int pass = 1; pass <= passes; pass++)
        {
            TimeSpan before = Environment.CpuUsage.TotalTime;
            (double seconds, string result) = Once(file);
            double cpu = (Environment.CpuUsage.TotalTime - before).TotalSeconds;
            best = Math.Min(best, cpu);
            Console.WriteLine($"pass {pass}: {seconds * 1000:F0} ms, {cpu * 1000:F0} ms of CPU time, {result}");
        }

        Console.WriteLine($"peak memory: {PeakMegabytes()} MB");
        Compare("grep", best, ["-cE", string.Join('|', Patterns), file]);
        Compare("rg", best, ["-j1", "-c", string.Join('|', Patterns), file]);
    }

    private static (double Seconds, string Result) Once(string file)
    {
        var clock = Stopwatch.StartNew();
        var parser = new LogParser(RuleSet.BuiltIn, new DateTimeOffset(2026, 11, 21, 12, 0, 0, TimeSpan.Zero), TimeZoneInfo.Utc);
        var ten = new Threshold(10, TimeSpan.FromMinutes(10));
        // As the built-in policy has it.
        var all = new DetectionSet
        {
            Failures = ten,
            Slow = new(30, TimeSpan.FromHours(24)),
            Users = new(new(5, TimeSpan.FromMinutes(10)), new(30, TimeSpan.FromHours(1))),
            Probes = new(20, TimeSpan.FromMinutes(10)),
            DaemonLimit = new(20, TimeSpan.FromMinutes(10)),
            Prefix = new(new(5, TimeSpan.FromHours(1)), TimeSpan.FromHours(1), TimeSpan.FromHours(24)),
            Account = new(new(10, TimeSpan.FromHours(1)), TimeSpan.FromMinutes(10)),
            Pressure = new(new(200, TimeSpan.FromMinutes(5)), TimeSpan.FromMinutes(10)),
        };
        ServiceDetection[] services =
        [
            new("ssh", "ssh", all), new("imap", "mail", all), new("pop3", "mail", all),
            new("submission", "mail", all), new("sieve", "mail", all),
        ];
        var correlator = new Correlator(services, SourceKeys.Default, new NoPast(), UserNames.Passing(), TimeSpan.FromDays(30));
        List<Offence> offences = [];
        long fired = 0;
        void Observe(in Attempt attempt) => correlator.Observe(attempt, offences);
        using Microsoft.Win32.SafeHandles.SafeFileHandle handle = File.OpenHandle(file);
        byte[] block = new byte[1 << 18];
        int held = 0;
        long offset = 0;
        for (int read; (read = RandomAccess.Read(handle, block.AsSpan(held), offset)) > 0; offset += read)
        {
            held += read;
            int taken = parser.Read(block.AsSpan(0, held), [], Observe);
            block.AsSpan(taken, held - taken).CopyTo(block);
            held -= taken;
            // A command writes them down after each step.
            fired += offences.Count;
            offences.Clear();
        }

        parser.Settle(long.MaxValue / 2, Observe);
        double seconds = clock.Elapsed.TotalSeconds;
        return (seconds, $"{parser.Lines / seconds / 1e6:F2} M lines/s, {parser.Lines} lines, {correlator.Attempts} attempts, {fired + offences.Count} offences");
    }

    private static void Compare(string tool, double ours, string[] arguments)
    {
        var start = new ProcessStartInfo(tool, arguments) { RedirectStandardOutput = true, UseShellExecute = false };
        start.Environment["LC_ALL"] = "C";
        double best = double.MaxValue;
        for (int pass = 0; pass < 3; pass++)
        {
            var clock = Stopwatch.StartNew();
            try
            {
                using Process process = Process.Start(start)!;
                process.StandardOutput.ReadToEnd();
                process.WaitForExit();
            }
            catch (System.ComponentModel.Win32Exception)
            {
                Console.WriteLine($"{tool}: not installed");
                return;
            }

            best = Math.Min(best, clock.Elapsed.TotalSeconds);
        }

        Console.WriteLine($"{tool} {arguments[0]} of {Patterns.Length} patterns: {best * 1000:F0} ms; RateWall takes {ours / best:F2} of its time");
    }

    private static string PeakMegabytes()
    {
        string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmHWM", StringComparison.Ordinal));
        return (long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) / 1024).ToString();
    }

    private sealed class NoPast : ICorrelationState
    {
        public IReadOnlyList<WindowMark> LoadWindow(in WindowId window) => [];

        public long? LastSuccess(AddressPrefix key, string family) => null;

        public long? LastLogin(AddressPrefix key, string family, ulong user) => null;

        public long? LastSuccessInside(AddressPrefix network) => null;
    }
}
