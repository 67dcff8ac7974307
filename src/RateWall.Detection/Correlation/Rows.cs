namespace RateWall.Detection.Correlation;

/// <summary>
/// Rows that are kept in place and counted from 0, in pages: growing copies nothing, and a row can be handed out by
/// reference.
/// </summary>
internal class Rows<T>
    where T : struct
{
    // Pages of some 100 KB and more, which the garbage collector leaves where they are; what is not used of one is no memory.
    private const int PageBits = 12;

    private T[][] pages = [];

    /// <summary>How many rows there are.</summary>
    public int Count { get; private set; }

    /// <summary>A row.</summary>
    public ref T this[int row] => ref pages[row >> PageBits][row & ((1 << PageBits) - 1)];

    /// <summary>Asks for a row's memory: the lines of a cache that it begins and ends in.</summary>
    public void Ask(int row)
    {
        ref T first = ref this[row];
        MemoryAhead.Ask(ref first);
        MemoryAhead.AskForEnd(ref first);
    }

    /// <summary>Adds a row, whose content is undefined; the answer is its number.</summary>
    public int Add()
    {
        if (Count >> PageBits == pages.Length)
        {
            Array.Resize(ref pages, pages.Length + 1);
            pages[^1] = new T[1 << PageBits];
        }

        return Count++;
    }

    /// <summary>Drops every row. The first page is kept: who reads a log as it grows has few rows in each step.</summary>
    public virtual void Clear()
    {
        if (pages.Length > 1) pages = [pages[0]];
        Count = 0;
    }
}
