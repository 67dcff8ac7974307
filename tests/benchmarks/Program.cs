using BenchmarkDotNet.Running;

namespace RateWall.Benchmarks;

internal static class EntryPoint
{
    public static void Main(string[] args)
    {
        if (args is ["detection", var file])
        {
            DetectionRun.Measure(file);
            return;
        }

        if (args is ["detection", var log, var passes])
        {
            DetectionRun.Measure(log, int.Parse(passes, System.Globalization.CultureInfo.InvariantCulture));
            return;
        }

        BenchmarkSwitcher.FromAssembly(typeof(EntryPoint).Assembly).Run(args);
    }
}
