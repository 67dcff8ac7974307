using BenchmarkDotNet.Running;

namespace RateWall.Benchmarks;

internal static class EntryPoint
{
    public static void Main(string[] args) => BenchmarkSwitcher.FromAssembly(typeof(EntryPoint).Assembly).Run(args);
}
