using System.Numerics;

namespace RateWall.Detection.Correlation;

/// <summary>A stretch of a <see cref="StampPool"/> page.</summary>
/// <param name="Page">The page, or null: no room at all.</param>
/// <param name="Offset">Where it begins.</param>
/// <param name="Length">How many stamps fit: a power of two, or 0.</param>
internal readonly record struct StampRoom(long[]? Page, int Offset, int Length)
{
    /// <summary>The stamps.</summary>
    public Span<long> Stamps => Page.AsSpan(Offset, Length);
}

/// <summary>
/// Room for the stamps of very many windows, of which nearly all hold a few: cut from common pages in powers of two, so
/// that a hundred thousand sources are no hundred thousand arrays. Room that was given back is used again.
/// </summary>
internal sealed class StampPool
{
    /// <summary>The least room that is given.</summary>
    public const int Least = 4;

    // 64 KiB: below the size from which on the run-time clears and keeps arrays apart.
    private const int PageLength = 8192;

    // By the logarithm of the length; a chain instead of a stack of structs, for which code would be made in every run.
    private readonly Returned?[] free = new Returned?[32];
    private Returned? spare;
    private long[] page = [];
    private int used;

    /// <summary>Gives room for at least <paramref name="wanted"/> stamps; its content is undefined.</summary>
    public StampRoom Rent(int wanted)
    {
        int length = Math.Max(Least, (int)BitOperations.RoundUpToPowerOf2((uint)wanted));
        ref Returned? chain = ref free[BitOperations.Log2((uint)length)];
        if (chain is { } known)
        {
            chain = known.Next;
            known.Next = spare;
            spare = known;
            return known.Room;
        }

        if (length > PageLength / 4) return new(new long[length], 0, length);
        if (used + length > page.Length)
        {
            page = new long[PageLength];
            used = 0;
        }

        used += length;
        return new(page, used - length, length);
    }

    /// <summary>Takes room back.</summary>
    public void Return(StampRoom room)
    {
        if (room.Length == 0 || room.Length > PageLength / 4) return;
        Returned entry = spare ?? new();
        spare = entry.Next;
        ref Returned? chain = ref free[BitOperations.Log2((uint)room.Length)];
        entry.Room = room;
        entry.Next = chain;
        chain = entry;
    }

    /// <summary>Forgets every page: nothing that was given out is in use any more.</summary>
    public void Clear()
    {
        Array.Clear(free);
        spare = null;
        page = [];
        used = 0;
    }

    private sealed class Returned
    {
        public StampRoom Room { get; set; }

        public Returned? Next { get; set; }
    }
}
