using System.Text;

namespace RateWall.Detection.Logs;

/// <summary>One key of a bag: its name, and what its value looks like.</summary>
/// <param name="Key">The bytes in front of the value, "rip=".</param>
/// <param name="Open">What the value begins with, often nothing.</param>
/// <param name="Hole">The hole.</param>
/// <param name="Close">What the value ends with, often nothing.</param>
internal sealed record Field(byte[] Key, byte[] Open, Piece Hole, byte[] Close);

/// <summary>
/// The rest of a line as keys and values in any order. Keys that are not named are passed over; a named key that comes
/// twice makes the line ambiguous, because one of the two may be text that a client chose; only when that text comes
/// first of all is the last address certain.
/// </summary>
internal sealed class FieldBag(Field[] fields, string separator)
{
    private readonly Literal separator = new(Encoding.UTF8.GetBytes(separator));
    private readonly Literal[] keys = KeysOf(fields);
    private readonly bool wantsAddress = Array.Exists(fields, f => f.Hole.IsAddress);

    /// <summary>The keys.</summary>
    public IReadOnlyList<Field> Fields => fields;

    /// <summary>What stands between two keys.</summary>
    public byte[] Separator => separator.Bytes;

    /// <summary>Reads the message from <paramref name="at"/> to its end; false when the {address} key is missing.</summary>
    public bool Match(ReadOnlySpan<byte> message, int at, ref Captures captures)
    {
        int start = at;
        // The bag begins with a key, named here or not: "Disconnected: some reason: user=..." is another line.
        int name = ByteClass.Account.Run(message[at..]);
        if (name == 0 || at + name >= message.Length || message[at + name] != '=') return false;
        // What looks like fields behind a key of theirs is a client's text in the real ones.
        foreach (Field field in fields)
            if (message[..at].IndexOf(field.Key) >= 0) return false;
        uint seen = 0;
        bool twice = false;
        Captures found = captures;
        while (at <= message.Length)
        {
            int end = -1;
            for (int i = 0; i < keys.Length; i++)
            {
                if (!keys[i].IsAt(message, at)) continue;
                twice |= (seen & (1u << i)) != 0;
                seen |= 1u << i;
                end = Read(fields[i], message, at + fields[i].Key.Length, ref found);
                break;
            }

            if (end < 0) end = EndOfEntry(message, at);
            if (end >= message.Length) break;
            at = end + separator.Length;
        }

        if (twice && TryLast(message, start, ref found))
        {
            captures = found;
            return true;
        }

        if (twice)
        {
            captures = Captures.Empty;
            captures.Count = found.Count;
            captures.Ambiguous = true;
            return true;
        }

        if (wantsAddress && found.AddressStart < 0) return false;
        captures = found;
        return true;
    }

    // The fields begin with the one a client fills: no key of the daemon's stands before its text, so the last address
    // is the daemon's. Elsewhere nobody can tell.
    private bool TryLast(ReadOnlySpan<byte> message, int start, ref Captures found)
    {
        Field? user = Array.Find(fields, f => f.Hole.Kind == PieceKind.User), address = Array.Find(fields, f => f.Hole.IsAddress);
        if (user is null || address is null || user.Close.Length == 0 || !message[start..].StartsWith([.. user.Key, .. user.Open])) return false;
        int from = start + user.Key.Length + user.Open.Length;
        int entry = message.LastIndexOf([.. separator.Bytes, .. address.Key]);
        if (entry < from) return false;
        int end = message[from..(entry + separator.Length)].LastIndexOf([.. user.Close, .. separator.Bytes]);
        if (end < 0) return false;
        found.AddressStart = -1;
        if (Read(address, message, entry + separator.Length + address.Key.Length, ref found) < 0) return false;
        (found.UserStart, found.UserLength) = (from, end);
        return true;
    }

    // The answer is where the entry ends, or -1 when its value does not look as the rule says.
    private int Read(Field field, ReadOnlySpan<byte> message, int at, ref Captures found)
    {
        if (!message[at..].StartsWith(field.Open)) return -1;
        at += field.Open.Length;
        if (!field.Hole.IsFree)
        {
            int length = field.Hole.Class!.Run(message[at..]);
            int close = at + length;
            if (length == 0 || !message[close..].StartsWith(field.Close)) return -1;
            int end = close + field.Close.Length;
            if (!EndsHere(message, end)) return -1;
            return Segment.Bind(field.Hole, message, at, length, ref found) ? end : -1;
        }

        for (int from = at; from <= message.Length; from++)
        {
            int step = field.Close.Length == 0 ? EndOfEntry(message, from) - from : message[from..].IndexOf(field.Close);
            if (step < 0) return -1;
            from += step;
            int end = from + field.Close.Length;
            if (!EndsHere(message, end)) continue;
            if (field.Hole.Kind == PieceKind.User) (found.UserStart, found.UserLength) = (at, from - at);
            return end;
        }

        return -1;
    }

    private static Literal[] KeysOf(Field[] fields)
    {
        var literals = new Literal[fields.Length];
        for (int i = 0; i < fields.Length; i++) literals[i] = new(fields[i].Key);
        return literals;
    }

    private bool EndsHere(ReadOnlySpan<byte> message, int at) => at == message.Length || separator.IsAt(message, at);

    private int EndOfEntry(ReadOnlySpan<byte> message, int from)
    {
        int step = message[from..].IndexOf(separator.Bytes);
        return step < 0 ? message.Length : from + step;
    }
}
