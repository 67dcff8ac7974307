using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Detection.Logs;

namespace RateWall.Benchmarks;

/// <summary>
/// Reads a log with every rule and correlates it, and lets grep count the same kind of lines beside it. The first pass is
/// what a command that runs once sees; the best one is what --follow gets to. All is compared by CPU time, which other
/// programs disturb less than the clock.
/// </summary>
internal static partial class DetectionRun
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

    // What the log is read into, by every pass: a reader has one for as long as it reads.
    private static readonly byte[] Block = new byte[1 << 18];

    public static void Measure(string file, int passes = 5)
    {
        TimeSpan before = Environment.CpuUsage.TotalTime;
        int rules = RuleSet.BuiltIn.Files.Sum(f => f.Rules.Count);
        Console.WriteLine($"{RuleSet.BuiltIn.Files.Count} rule files, {rules} rules loaded in {Since(before):F0} ms of CPU time");
        double best = double.MaxValue, floor = double.MaxValue, beating = double.MaxValue;
        long lines = 0;
        for (int pass = 1; pass <= passes; pass++)
        {
            before = Environment.CpuUsage.TotalTime;
            string result = Once(file);
            double taken = Since(before);
            best = Math.Min(best, taken);
            // A process makes one pass.
            if (pass == 1) Console.WriteLine($"peak memory of the first pass: {PeakMegabytes()} MB");
            before = Environment.CpuUsage.TotalTime;
            Once(file, new Heartbeat());
            beating = Math.Min(beating, Since(before));
            before = Environment.CpuUsage.TotalTime;
            lines = CountLines(file);
            floor = Math.Min(floor, Since(before));
            Console.WriteLine($"pass {pass}: {taken:F0} ms of CPU time, {lines / taken / 1000:F2} M lines/s, {result}");
        }

        Console.WriteLine($"best: {best:F0} ms, {lines / best / 1000:F2} M lines/s; only finding the newlines: {floor:F0} ms");
        Console.WriteLine($"with the heartbeat, as runs have it: {beating:F0} ms, {beating / best:F2} of that");
        Compare("grep", best, ["-cE", string.Join('|', Patterns), file]);
        Compare("rg", best, ["-j1", "-c", string.Join('|', Patterns), file]);
    }

    private static double Since(TimeSpan cpu) => (Environment.CpuUsage.TotalTime - cpu).TotalMilliseconds;

    // What no program that looks at every line can be faster than.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long CountLines(string file)
    {
        using SafeFileHandle handle = File.OpenHandle(file);
        byte[] block = Block;
        long offset = 0, lines = 0;
        for (int read; (read = RandomAccess.Read(handle, block, offset)) > 0; offset += read)
        {
            ReadOnlySpan<byte> rest = block.AsSpan(0, read);
            for (int end; (end = rest.IndexOf((byte)'\n')) >= 0; rest = rest[(end + 1)..]) lines++;
        }

        return lines;
    }

    private static string Once(string file, Heartbeat? heartbeat = null)
    {
        var parser = new LogParser(RuleSet.BuiltIn, new DateTimeOffset(2026, 11, 21, 12, 0, 0, TimeSpan.Zero), TimeZoneInfo.Utc) { Heartbeat = heartbeat };
        Correlator correlator = NewCorrelator();
        List<Offence> offences = [];
        long fired = 0;
        void Observe(in Attempt attempt) => correlator.Enqueue(attempt, offences);
        using SafeFileHandle handle = File.OpenHandle(file);
        byte[] block = Block;
        int held = 0;
        long offset = 0;
        for (int read; (read = RandomAccess.Read(handle, block.AsSpan(held), offset)) > 0; offset += read)
        {
            held += read;
            int taken = parser.Read(block.AsSpan(0, held), [], Observe);
            block.AsSpan(taken, held - taken).CopyTo(block);
            held -= taken;
            // A command writes them down after each step.
            correlator.Finish();
            fired += offences.Count;
            offences.Clear();
        }

        parser.Settle(long.MaxValue / 2, Observe);
        correlator.Finish();
        return $"{parser.Lines} lines, {correlator.Attempts} attempts, {fired + offences.Count} offences";
    }

    private static Correlator NewCorrelator()
    {
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
        return new(services, SourceKeys.Default, new NoPast(), UserNames.Passing(), TimeSpan.FromDays(30));
    }

    private static void Compare(string tool, double ours, string[] arguments)
    {
        var start = new ProcessStartInfo(tool, arguments) { RedirectStandardOutput = true, UseShellExecute = false };
        start.Environment["LC_ALL"] = "C";
        double best = double.MaxValue;
        for (int pass = 0; pass < 3; pass++)
        {
            try
            {
                double before = OfChildren();
                using Process process = Process.Start(start)!;
                process.StandardOutput.ReadToEnd();
                process.WaitForExit();
                best = Math.Min(best, OfChildren() - before);
            }
            catch (System.ComponentModel.Win32Exception)
            {
                Console.WriteLine($"{tool}: not installed");
                return;
            }
        }

        Console.WriteLine($"{tool} {arguments[0]} of {Patterns.Length} patterns: {best:F0} ms of CPU time; RateWall takes {ours / best:F2} of its time");
    }

    // The CPU time of all programs that were started and have ended, in milliseconds.
    private static double OfChildren()
    {
        const int RUSAGE_CHILDREN = -1; // sys/resource.h; the structure begins with ru_utime and ru_stime, seconds and microseconds.
        Span<long> usage = stackalloc long[18];
        if (getrusage(RUSAGE_CHILDREN, ref usage[0]) != 0) throw new InvalidOperationException($"getrusage: errno {Marshal.GetLastPInvokeError()}");
        return ((usage[0] + usage[2]) * 1000.0) + ((usage[1] + usage[3]) / 1000.0);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int getrusage(int who, ref long usage);

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
