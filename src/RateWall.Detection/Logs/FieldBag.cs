using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
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
internal sealed class FieldBag
{
    // The longest separator that is looked for many places at once: two blocks, and its length, are read; see Scan.Readable.
    private const int LongestSkipped = Scan.Readable - Scan.Width;

    private readonly Field[] fields;
    private readonly Literal separator;
    private readonly Form[] forms;
    private readonly bool wantsAddress;
    // True when what is not named is passed over without a look at each entry.
    private readonly bool skips;
    // What keys begin with, one byte or two.
    private readonly byte keysBegin;
    private readonly byte keysBeginToo;

    /// <param name="fields">The keys, each of which ends with '='.</param>
    /// <param name="separator">What stands between two keys.</param>
    public FieldBag(Field[] fields, string separator)
    {
        this.fields = fields;
        this.separator = new(Encoding.UTF8.GetBytes(separator));
        forms = new Form[fields.Length];
        for (int i = 0; i < fields.Length; i++) forms[i] = new(fields[i], Separator);
        wantsAddress = Array.Exists(fields, f => f.Hole.IsAddress);
        keysBegin = fields[0].Key[0];
        keysBeginToo = fields[^1].Key[0];
        skips = !OverlapsItself(Separator) && Separator.Length <= LongestSkipped && Array.TrueForAll(fields, f => f.Key[0] == keysBegin || f.Key[0] == keysBeginToo);
    }

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
        int named = NamedAt(message, at);
        if (!BeginsWithKey(message, at, named, ref bounds) || HasKeyBefore(message, at)) return false;
        uint seen = 0;
        bool twice = false;
        int entry = at;
        Unsafe.SkipInit(out Captures found);
        found.Become(captures);
        while (true)
        {
            int end = -1;
            if (named >= 0)
            {
                ref readonly Form form = ref forms[named];
                twice |= (seen & (1u << named)) != 0;
                seen |= 1u << named;
                end = Read(form, message, entry + form.Key.Length, ref bounds, ref found);
            }

            end = NextNamed(message, end < 0 ? entry : end, out named);
            if (end < 0) break;
            entry = end + separator.Length;
        }

        if (twice && TryLast(message, at, ref bounds, ref found))
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

    // The bag begins with a key, named here or not: "Disconnected: some reason: user=..." is another line.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool BeginsWithKey(ReadOnlySpan<byte> message, int at, int named, ref Boundaries bounds)
    {
        if (named >= 0 && forms[named].IsName) return true;
        int name = at < message.Length ? ByteClass.Account.Run(message, at, bounds.GuessEnd(at)) : 0;
        return name != 0 && at + name < message.Length && message[at + name] == '=';
    }

    // What looks like fields behind a key of theirs is a client's text in the real ones.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool HasKeyBefore(ReadOnlySpan<byte> message, int at)
    {
        ref byte start = ref MemoryMarshal.GetReference(message);
        // Every key ends with this byte, and nearly always nothing else has it.
        for (int i = 0; i < at; i += Vector128<byte>.Count)
        {
            uint ends = Vector128.Equals(Vector128.LoadUnsafe(ref start, (nuint)i), Vector128.Create((byte)'=')).ExtractMostSignificantBits();
            if (BitOperations.TrailingZeroCount(ends | (1u << Vector128<byte>.Count)) < Math.Min(at - i, Vector128<byte>.Count)) return LooksForKeys(message, at);
        }

        return false;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool LooksForKeys(ReadOnlySpan<byte> message, int limit)
    {
        foreach (ref readonly Form form in forms.AsSpan())
            if (Scan.First(message, 0, limit, form.Key) >= 0) return true;
        return false;
    }

    // Which key stands at a place, or -1.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int NamedAt(ReadOnlySpan<byte> message, int at)
    {
        for (int i = 0; i < forms.Length; i++)
            if (forms[i].Key.IsAt(message, at)) return i;
        return -1;
    }

    // Where the first separator stands, from a place on, that a key follows, and which; or -1. Others are between keys that are not named.
    private int NextNamed(ReadOnlySpan<byte> message, int from, out int named)
    {
        if (!skips) return NextNamedOfEach(message, from, out named);
        ref byte start = ref MemoryMarshal.GetReference(message);
        Form[] all = forms;
        for (int at = from; at < message.Length; at += Scan.Width)
        {
            for (uint places = PlacesOfNamed(ref Unsafe.Add(ref start, at)); places != 0; places &= places - 1)
            {
                int place = at + BitOperations.TrailingZeroCount(places);
                for (int i = 0; i < all.Length; i++)
                {
                    if (!all[i].Behind.IsAt(message, place)) continue;
                    named = i;
                    return place;
                }
            }
        }

        named = -1;
        return -1;
    }

    private int NextNamedOfEach(ReadOnlySpan<byte> message, int from, out int named)
    {
        named = -1;
        int place;
        while ((place = Scan.First(message, from, message.Length, separator)) >= 0)
        {
            from = place + separator.Length;
            if ((named = NamedAt(message, from)) >= 0) break;
        }

        return place;
    }

    // A bit for each of the places, as of Scan, where the separator's first byte stands and behind it one that keys begin with.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint PlacesOfNamed(ref byte start) =>
        SixteenOfNamed(ref start) | (SixteenOfNamed(ref Unsafe.Add(ref start, Vector128<byte>.Count)) << Vector128<byte>.Count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint SixteenOfNamed(ref byte start)
    {
        Vector128<byte> key = Vector128.LoadUnsafe(ref start, (nuint)separator.Length);
        return (Vector128.Equals(Vector128.LoadUnsafe(ref start), Vector128.Create(separator.First))
            & (Vector128.Equals(key, Vector128.Create(keysBegin)) | Vector128.Equals(key, Vector128.Create(keysBeginToo)))).ExtractMostSignificantBits();
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
        int close;
        if (form.Class is null)
        {
            // The message's end comes last of all.
            close = Scan.First(message, at, message.Length, form.Ending);
            if (close < 0)
            {
                close = message.Length - form.Close.Length;
                if (close < at || !form.Close.IsAt(message, close)) return -1;
            }

            if (form.IsUser) found.SetUser(at, close - at);
            return close + form.Close.Length;
        }

        int length = at < message.Length ? form.Class.RunUnguessed(message, at) : 0;
        close = at + length;
        if (length == 0 || !form.Close.IsAt(message, close)) return -1;
        int end = close + form.Close.Length;
        if (end != message.Length && !separator.IsAt(message, end)) return -1;
        return Segment.Bind(form.Note, message, at, length, ref found) ? end : -1;
    }

    // Whether a separator may begin inside another one.
    private static bool OverlapsItself(byte[] separator)
    {
        for (int length = 1; length < separator.Length; length++)
            if (separator.AsSpan(0, length).SequenceEqual(separator.AsSpan(separator.Length - length))) return true;
        return false;
    }

    // A field, as it is compared with messages.
    private readonly struct Form(Field field, byte[] separator)
    {
        public readonly Literal Key = new(field.Key);

        // The key behind a separator.
        public readonly Literal Behind = new([.. separator, .. field.Key]);
        public readonly Literal Open = new(field.Open);
        public readonly Literal Close = new(field.Close);

        // The close in front of a separator.
        public readonly Literal Ending = new([.. field.Close, .. separator]);

        // Null: any text.
        public readonly ByteClass? Class = field.Hole.IsFree ? null : field.Hole.Class;
        public readonly PieceNote Note = field.Hole.Note;
        public readonly bool IsUser = field.Hole.Kind == PieceKind.User;

        // True when wherever the key stands a name stands in front of a '='.
        public readonly bool IsName = ByteClass.Account.Run(field.Key) == field.Key.Length - 1;
    }
}
