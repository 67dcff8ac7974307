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

        BenchmarkSwitcher.FromAssembly(typeof(EntryPoint).Assembly).Run(args);
    }
}
