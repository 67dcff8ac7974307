using System.Runtime.CompilerServices;

namespace RateWall.Detection.Logs;

/// <summary>What is certain from the first bytes of a message alone.</summary>
internal enum Certainty
{
    /// <summary>It is not so, whatever follows.</summary>
    No,

    /// <summary>What follows decides.</summary>
    Open,

    /// <summary>It is so, whatever follows.</summary>
    Yes,
}

/// <summary>The first bytes of a message, and how many of them were needed for the answers given so far.</summary>
/// <param name="seen">The bytes.</param>
internal ref struct Glance(ReadOnlySpan<byte> seen)
{
    private readonly ReadOnlySpan<byte> seen = seen;

    /// <summary>How many bytes the answers depend on.</summary>
    public int Needed { get; set; }

    /// <summary>How many there are to be seen.</summary>
    public readonly int Length => seen.Length;

    /// <summary>A byte that is seen.</summary>
    public byte this[int at]
    {
        get
        {
            Needed = Math.Max(Needed, at + 1);
            return seen[at];
        }
    }

    /// <summary>Whether bytes stand at a place.</summary>
    public Certainty Stands(ReadOnlySpan<byte> bytes, int at)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            if (at + i >= seen.Length) return Certainty.Open;
            if (this[at + i] != bytes[i]) return Certainty.No;
        }

        return Certainty.Yes;
    }

    /// <summary>Where a run of a class that begins at a place ends; -1: not among what is seen.</summary>
    public int EndOf(ByteClass members, int at)
    {
        for (; at < seen.Length; at++)
            if (!members.Holds(this[at])) return at;
        return -1;
    }
}
