using System.Numerics;

namespace RateWall.Detection.Correlation;

/// <summary>
/// A stretch of a <see cref="RoomPool{T}"/> page, in numbers: a row that holds one has nothing that the garbage collector
/// would have to look at, however many rows there are.
/// </summary>
internal readonly struct Room
{
    private readonly int place;

    /// <param name="page">The page's number.</param>
    /// <param name="offset">Where it begins, less than 2^16.</param>
    /// <param name="length">How many items fit: a power of two.</param>
    public Room(int page, int offset, int length)
    {
        place = page + 1;
        Offset = (ushort)offset;
        LengthBits = (byte)BitOperations.TrailingZeroCount(length);
    }

    /// <summary>False for the default: no room at all.</summary>
    public bool Exists => place != 0;

    /// <summary>The page's number.</summary>
    public int Page => place - 1;

    /// <summary>Where it begins.</summary>
    public readonly ushort Offset;

    /// <summary>The logarithm of its length.</summary>
    public readonly byte LengthBits;

    /// <summary>How many items fit: a power of two, or 0.</summary>
    public int Length => Exists ? 1 << LengthBits : 0;
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

    // 128 KiB and more, as those of rows: the garbage collector leaves such arrays where they are, and they do not make it run
    // more often. What is not used of one is no memory.
    private const int PageLength = 8192;

    // By the logarithm of the length.
    private readonly int[][] free = new int[32][];
    private readonly int[] freeCounts = new int[32];
    private T[][] pages = [];
    private int count;
    private int open = -1;
    private int used;

    /// <summary>
    /// The page that a room is on: its items stand from the room's offset on. What is called for every try goes over the page
    /// itself, because spans of a struct of ours are calls in code that is compiled ahead.
    /// </summary>
    public T[] PageOf(Room room) => room.Exists ? pages[room.Page] : [];

    /// <summary>The items of a room; none of the default's.</summary>
    public Span<T> Items(Room room) => room.Exists ? pages[room.Page].AsSpan(room.Offset, room.Length) : [];

    /// <summary>Gives room for at least <paramref name="wanted"/> items; its content is undefined.</summary>
    public Room Rent(int wanted)
    {
        int length = Least;
        while (length < wanted) length *= 2;
        int bits = BitOperations.TrailingZeroCount(length);
        if (freeCounts[bits] > 0)
        {
            int known = free[bits][--freeCounts[bits]];
            return new(known / PageLength, known % PageLength, length);
        }

        // A page of its own, also when it comes back.
        if (length > PageLength / 4) return new(AddPage(length), 0, length);
        if (open < 0 || used + length > PageLength)
        {
            open = AddPage(PageLength);
            used = 0;
        }

        used += length;
        return new(open, used - length, length);
    }

    /// <summary>Takes room back.</summary>
    public void Return(Room room)
    {
        if (!room.Exists) return;
        ref int[] list = ref free[room.LengthBits];
        ref int filled = ref freeCounts[room.LengthBits];
        if (list is null) list = new int[16];
        else if (filled == list.Length) Array.Resize(ref list, 2 * filled);
        list[filled++] = (room.Page * PageLength) + room.Offset;
    }

    /// <summary>Forgets what was given out: nothing of it is in use any more. A page is kept, as of rows.</summary>
    public void Clear()
    {
        Array.Clear(free);
        Array.Clear(freeCounts);
        pages = count > 0 && pages[0].Length == PageLength ? [pages[0]] : [];
        count = pages.Length;
        open = count - 1;
        used = 0;
    }

    private int AddPage(int length)
    {
        if (count == pages.Length) Array.Resize(ref pages, Math.Max(16, 2 * count));
        pages[count] = new T[length];
        return count++;
    }
}
