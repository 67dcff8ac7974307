using System.Runtime.CompilerServices;
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
    private readonly Form[] forms = FormsOf(fields);
    private readonly bool wantsAddress = Array.Exists(fields, f => f.Hole.IsAddress);

    /// <summary>The keys.</summary>
    public IReadOnlyList<Field> Fields => fields;

    /// <summary>What stands between two keys.</summary>
    public byte[] Separator => separator.Bytes;

    /// <summary>Reads the message from <paramref name="at"/> to its end; false when the {address} key is missing.</summary>
    /// <param name="message">The message; see <see cref="Scan.Readable"/>.</param>
    /// <param name="at">Where the fields begin.</param>
    /// <param name="bounds">The message's words.</param>
    /// <param name="captures">What was found before; what all of it found.</param>
    public bool Match(ReadOnlySpan<byte> message, int at, ref Boundaries bounds, ref Captures captures)
    {
        int start = at;
        // The bag begins with a key, named here or not: "Disconnected: some reason: user=..." is another line.
        int name = at < message.Length ? ByteClass.Account.Run(message, at, bounds.GuessEnd(at)) : 0;
        if (name == 0 || at + name >= message.Length || message[at + name] != '=') return false;
        // What looks like fields behind a key of theirs is a client's text in the real ones.
        foreach (ref readonly Form form in forms.AsSpan())
            if (Scan.First(message, 0, at, form.Key) >= 0) return false;
        uint seen = 0;
        bool twice = false;
        Unsafe.SkipInit(out Captures found);
        found.Become(captures);
        while (at <= message.Length)
        {
            int end = -1;
            for (int i = 0; i < forms.Length; i++)
            {
                ref readonly Form form = ref forms[i];
                if (!form.Key.IsAt(message, at)) continue;
                twice |= (seen & (1u << i)) != 0;
                seen |= 1u << i;
                end = Read(form, message, at + form.Key.Length, ref bounds, ref found);
                break;
            }

            if (end < 0) end = EndOfEntry(message, at);
            if (end >= message.Length) break;
            at = end + separator.Length;
        }

        if (twice && TryLast(message, start, ref bounds, ref found))
        {
            captures.Become(found);
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
        captures.Become(found);
        return true;
    }

    // The fields begin with the one a client fills: no key of the daemon's stands before its text, so the last address
    // is the daemon's. Elsewhere nobody can tell.
    private bool TryLast(ReadOnlySpan<byte> message, int start, ref Boundaries bounds, ref Captures found)
    {
        int user = Array.FindIndex(fields, f => f.Hole.Kind == PieceKind.User), address = Array.FindIndex(fields, f => f.Hole.IsAddress);
        if (user < 0 || address < 0 || fields[user].Close.Length == 0 || !message[start..].StartsWith([.. fields[user].Key, .. fields[user].Open])) return false;
        int from = start + fields[user].Key.Length + fields[user].Open.Length;
        int entry = message.LastIndexOf([.. separator.Bytes, .. fields[address].Key]);
        if (entry < from) return false;
        int end = message[from..(entry + separator.Length)].LastIndexOf([.. fields[user].Close, .. separator.Bytes]);
        if (end < 0) return false;
        found.AddressStart = -1;
        if (Read(forms[address], message, entry + separator.Length + fields[address].Key.Length, ref bounds, ref found) < 0) return false;
        found.SetUser(from, end);
        return true;
    }

    // The answer is where the entry ends, or -1 when its value does not look as the rule says.
    private int Read(in Form form, ReadOnlySpan<byte> message, int at, ref Boundaries bounds, ref Captures found)
    {
        if (!form.Open.IsAt(message, at)) return -1;
        at += form.Open.Length;
        if (!form.Hole.IsFree)
        {
            int length = at < message.Length ? form.Hole.Class!.Run(message, at, bounds.GuessEnd(at)) : 0;
            int close = at + length;
            if (length == 0 || !form.Close.IsAt(message, close)) return -1;
            int end = close + form.Close.Length;
            if (!EndsHere(message, end)) return -1;
            return Segment.Bind(form.Hole.Note, message, at, length, ref found) ? end : -1;
        }

        for (int from = at; from <= message.Length; from++)
        {
            from = form.Close.Length == 0 ? EndOfEntry(message, from) : Scan.First(message, from, message.Length, form.Close);
            if (from < 0) return -1;
            int end = from + form.Close.Length;
            if (!EndsHere(message, end)) continue;
            if (form.Hole.Kind == PieceKind.User) found.SetUser(at, from - at);
            return end;
        }

        return -1;
    }

    private static Form[] FormsOf(Field[] fields)
    {
        var made = new Form[fields.Length];
        for (int i = 0; i < fields.Length; i++) made[i] = new(fields[i]);
        return made;
    }

    private bool EndsHere(ReadOnlySpan<byte> message, int at) => at == message.Length || separator.IsAt(message, at);

    private int EndOfEntry(ReadOnlySpan<byte> message, int from)
    {
        int end = Scan.First(message, from, message.Length, separator);
        return end < 0 ? message.Length : end;
    }

    // A field, as it is compared with messages.
    private readonly struct Form(Field field)
    {
        public readonly Literal Key = new(field.Key);
        public readonly Literal Open = new(field.Open);
        public readonly Literal Close = new(field.Close);
        public readonly Piece Hole = field.Hole;
    }
}
