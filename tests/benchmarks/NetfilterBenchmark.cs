using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using RateWall.Netfilter;

namespace RateWall.Benchmarks;

/// <summary>
/// A ban (add, delete, add: it moves the deadline) on an open socket and through an `nft` process, and many added in a batch. Needs root; it all happens in a network namespace of
/// the benchmark's own, which ends with its thread.
/// </summary>
[SimpleJob(launchCount: 1, warmupCount: 3, iterationCount: 8)]
[MemoryDiagnoser]
public partial class NetfilterBenchmark
{
    private const int CLONE_NEWNET = 0x40000000; // linux/sched.h
    private const int BatchSize = 10_000;

    private static readonly TableName Table = new(NetfilterFamily.Inet, "bench");
    private static readonly TimeSpan Timeout = TimeSpan.FromHours(1);

    private readonly ElementChange[] one = [Change(0), Change(0) with { Operation = ElementOperation.Delete }, Change(0)];
    private readonly ElementChange[] batch = new ElementChange[BatchSize];
    private NftablesClient? client;

    [GlobalSetup]
    public void Setup()
    {
        if (unshare(CLONE_NEWNET) != 0) throw new InvalidOperationException($"unshare: errno {Marshal.GetLastPInvokeError()}");
        client = NftablesClient.Open();
        new LibNftables(client, Table).Run("table inet bench { set s { type ipv4_addr; flags timeout; counter; }; }");
        for (int i = 0; i < batch.Length; i++) batch[i] = Change(i);
    }

    [GlobalCleanup]
    public void Cleanup() => client?.Dispose();

    [Benchmark(Baseline = true)]
    public void OneBan_OpenSocket() => client!.Commit(Table, one);

    [Benchmark]
    public void OneBan_NftProcess()
    {
        using Process nft = Process.Start("nft", ["add element inet bench s { 198.51.100.0 timeout 1h }; delete element inet bench s { 198.51.100.0 }; "
            + "add element inet bench s { 198.51.100.0 timeout 1h }"]);
        nft.WaitForExit();
        if (nft.ExitCode != 0) throw new InvalidOperationException($"nft: exit code {nft.ExitCode}");
    }

    [Benchmark(OperationsPerInvoke = BatchSize)]
    public void BanInABatch_OpenSocket() => client!.Commit(Table, batch);

    private static ElementChange Change(int number)
    {
        byte[] key = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(key, 0xC6336400u + (uint)number);
        return new(ElementOperation.Add, "s", new() { Key = key, Timeout = Timeout });
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int unshare(int flags);
}
