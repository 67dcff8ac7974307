using System.Runtime.CompilerServices;

namespace RateWall.Detection.Logs;

/// <summary>Where a message led to in a <see cref="RuleTree"/>: which beginnings it has, and what they found.</summary>
internal struct ReachedEnds
{
    /// <summary>The most that are kept; whoever has more is matched without the tree's help.</summary>
    public const int Max = 8;

    /// <summary>How many there are; may be more than <see cref="Max"/>.</summary>
    public int Count;

    /// <summary>The first of them.</summary>
    public Kept Ends;

    /// <summary>Keeps another one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(int number, int at, in Captures captures)
    {
        if (Count < Max)
        {
            ref ReachedEnd end = ref Ends[Count];
            end.Number = number;
            end.At = at;
            end.Taken = 0;
            end.Captures = captures;
        }

        Count++;
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
    /// <summary>The list of templates whose beginning it is.</summary>
    public int Number;

    /// <summary>How many of the list have had their turn.</summary>
    public int Taken;

    /// <summary>Where the beginning ends in the message.</summary>
    public int At;

    /// <summary>What the beginning found.</summary>
    public Captures Captures;
}
