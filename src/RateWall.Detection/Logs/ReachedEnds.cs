using System.Runtime.CompilerServices;

namespace RateWall.Detection.Logs;

/// <summary>Where a message led to in a <see cref="PieceTree"/>: which beginnings it has, and what they found.</summary>
internal struct ReachedEnds
{
    /// <summary>The most that are kept; whoever has more is matched without the tree's help.</summary>
    public const int Max = 8;

    /// <summary>How many there are; may be more than <see cref="Max"/>.</summary>
    public int Count;

    /// <summary>The first of them.</summary>
    public Kept Ends;

    /// <summary>Keeps others that lie at one place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(int number, int count, int at, in Captures captures)
    {
        for (; count > 0; count--, number++, Count++)
        {
            if (Count >= Max) continue;
            ref ReachedEnd end = ref Ends[Count];
            end.Number = number;
            end.At = at;
            end.Captures.Become(captures);
        }
    }

    /// <summary>As many as are kept.</summary>
    [InlineArray(Max)]
    public struct Kept
    {
        private ReachedEnd first;
    }
}

/// <summary>An end of the tree that a message reached.</summary>
internal struct ReachedEnd
{
    /// <summary>The number of the list of templates whose beginning it is.</summary>
    public int Number;

    /// <summary>Where the beginning ends in the message.</summary>
    public int At;

    /// <summary>False while nobody has asked which of the templates are worth trying.</summary>
    public bool Looked;

    /// <summary>A bit for each template of the list that is still to be tried.</summary>
    public ulong Open;

    /// <summary>What the beginning found.</summary>
    public Captures Captures;
}
