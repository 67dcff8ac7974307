using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace RateWall.Detection.Correlation;

/// <summary>
/// Memory that is needed soon, asked for early: rows lie where no cache holds them, and waiting for them is most of what
/// correlating costs. A processor without such an instruction waits when the time comes.
/// </summary>
internal static class MemoryAhead
{
    /// <summary>Has the cache line of a value brought near. Nothing is read, so nothing can fail.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void Ask<T>(ref T value)
    {
        // Should the collector move it meanwhile, a line comes that nobody needs.
        if (Sse.IsSupported) Sse.Prefetch0(Unsafe.AsPointer(ref value));
    }

    /// <summary>The same of the line that a value ends in.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void AskForEnd<T>(ref T value)
        where T : struct
    {
        if (Sse.IsSupported) Sse.Prefetch0((byte*)Unsafe.AsPointer(ref value) + Unsafe.SizeOf<T>() - 1);
    }
}
