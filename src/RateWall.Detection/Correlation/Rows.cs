namespace RateWall.Detection.Correlation;

/// <summary>
/// Rows that are kept in place and counted from 0, in pages: growing copies nothing, and a row can be handed out by
/// reference.
/// </summary>
internal class Rows<T>
    where T : struct
{
    private const int PageBits = 10;

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

    /// <summary>Adds an empty row; the answer is its number.</summary>
    public int Add()
    {
        if (Count >> PageBits == pages.Length)
        {
            Array.Resize(ref pages, pages.Length + 1);
            pages[^1] = new T[1 << PageBits];
        }

        return Count++;
    }

    /// <summary>Drops every row.</summary>
    public virtual void Clear()
    {
        pages = [];
        Count = 0;
    }
}
