using System.Numerics;

namespace RateWall.Detection.Correlation;

/// <summary>A stretch of a <see cref="RoomPool{T}"/> page.</summary>
/// <param name="page">The page, or null: no room at all.</param>
/// <param name="offset">Where it begins.</param>
/// <param name="length">How many items fit: a power of two, or 0.</param>
internal readonly struct Room<T>(T[]? page, int offset, int length)
    where T : struct
{
    /// <summary>How many items fit.</summary>
    public int Length => length;

    /// <summary>The items.</summary>
    public Span<T> Items => page.AsSpan(offset, length);

    /// <summary>The first of the items.</summary>
    public ReadOnlySpan<T> First(int count) => page.AsSpan(offset, count);
}

/// <summary>
/// Room for the items of very many windows, of which nearly all hold a few: cut from common pages in powers of two, so
/// that a hundred thousand sources are no hundred thousand arrays. Room that was given back is used again.
/// </summary>
internal sealed class RoomPool<T>
    where T : struct
{
    /// <summary>The least room that is given.</summary>
    public const int Least = 2;

    // Up to 48 KiB: below the size from which on the run-time clears and keeps arrays apart.
    private const int PageLength = 2048;

    // By the logarithm of the length; a chain instead of a stack of structs, for which code would be made in every run.
    private readonly Returned?[] free = new Returned?[32];
    private Returned? spare;
    private T[] page = [];
    private int used;

    /// <summary>Gives room for at least <paramref name="wanted"/> items; its content is undefined.</summary>
    public Room<T> Rent(int wanted)
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

        if (length > PageLength / 4) return new(new T[length], 0, length);
        if (used + length > page.Length)
        {
            page = new T[PageLength];
            used = 0;
        }

        used += length;
        return new(page, used - length, length);
    }

    /// <summary>Takes room back.</summary>
    public void Return(Room<T> room)
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
        public Room<T> Room { get; set; }

        public Returned? Next { get; set; }
    }
}
