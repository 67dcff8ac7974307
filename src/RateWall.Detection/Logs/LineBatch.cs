using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace RateWall.Detection.Logs;

/// <summary>
/// Lines that wait to be matched, and the order in which that is done: those of one program and one beginning behind one
/// another. What a line is, no processor guesses right; that it is of the shape of the one before, it does. Of one reader alone.
/// </summary>
internal sealed class LineBatch(RuleSet rules)
{
    // How many beginnings of messages are told apart among those of a program, and how many programs' rules.
    private const int ShapesOfAProgram = 16;
    private const int Shapes = 128 * ShapesOfAProgram;

    // Enough that each shape has some lines; few enough that they stay in the caches near by.
    private const int Full = 512;
    private const int Room = Full + LineEnds.MaxFound;

    private readonly LineEnds ends = new();
    private readonly KnownHeader header = new();
    private readonly RecentPrograms programs = new(rules);
    private readonly WaitingLine[] cut = new WaitingLine[LineEnds.MaxFound + 1];
    private readonly WaitingLine[] lines = new WaitingLine[Room];
    private readonly MatchedLine[] matched = new MatchedLine[Room];
    private readonly ushort[] order = new ushort[Room];
    private readonly ushort[] places = new ushort[Shapes + 1];
    private readonly ulong[] marks = new ulong[(Room / 64) + 1];
    // Behind the last newline that was found, and behind the last byte that was looked at.
    private int at;
    private int looked;

    /// <summary>The lines that are waiting.</summary>
    public int Count { get; private set; }

    /// <summary>Lines that were found in the block.</summary>
    public int Found { get; private set; }

    /// <summary>Lines among them that are longer than <see cref="LogLines.MaxLine"/>; none of them waits.</summary>
    public int Oversized { get; private set; }

    /// <summary>Bytes of the block up to the end of the last line.</summary>
    public int Taken => at;

    /// <summary>The rules of programs, by their numbers.</summary>
    public RecentPrograms Programs => programs;

    /// <summary>How messages began of late.</summary>
    public RecentBeginnings Beginnings { get; } = new();

    /// <summary>A place for a line that is to be handed on, below <see cref="Count"/>.</summary>
    public ref MatchedLine Matched(int place) => ref matched[place];

    /// <summary>A line in the order they came in.</summary>
    public ref WaitingLine this[int index] => ref lines[index];

    /// <summary>A bit for each line that is to be looked at again.</summary>
    public ReadOnlySpan<ulong> Marks => marks;

    /// <summary>The line is to be looked at again.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Mark(int index) => marks[index >> 6] |= 1UL << index;

    /// <summary>Begins with another block.</summary>
    public void Begin() => at = looked = Found = Oversized = Count = 0;

    /// <summary>Takes the next lines in the place of those that waited; false when there are no more.</summary>
    /// <param name="block">The block.</param>
    /// <param name="insideLine">True when the block begins inside a line that is too long.</param>
    /// <param name="own">The only rules that the lines may have by their programs; null: any.</param>
    /// <param name="keepsAll">True when lines of programs without rules are to be read, too.</param>
    public bool Fill(ReadOnlySpan<byte> block, bool insideLine, ProgramRules[]? own, bool keepsAll)
    {
        int longest = insideLine && Found == 0 ? -1 : LogLines.MaxLine, found;
        Count = 0;
        while (Count < Full && (found = ends.Find(block, ref looked)) > 0)
        {
            Found += found;
            int kept = Count;
            Keep(block, Cut(block, found, longest), keepsAll);
            if (keepsAll) SetApart(kept, own);
            longest = LogLines.MaxLine;
        }

        return Count > 0;
    }

    // Takes the lines that were found apart; the answer is how many there are to be read. Apart from Keep, and with as little
    // as can be for each line: so a processor has several in hand at a time, where one waits from step to step.
    private int Cut(ReadOnlySpan<byte> block, int found, int longest)
    {
        int count = 0;
        for (int i = 0; i < found; i++)
        {
            // One that is perhaps too long is no line like the others.
            if (longest == LogLines.MaxLine && (i = CutKnown(block, i, found, ref count)) == found) break;
            CutOne(block, ends[i] - at, longest, ref count);
            longest = LogLines.MaxLine;
        }

        return count;
    }

    // The lines that have the known header and a tag; the answer is the first line that has not. Nothing is called here, so
    // all that is needed stays in registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int CutKnown(ReadOnlySpan<byte> block, int line, int found, ref int count)
    {
        int lastReadable = block.Length - TaggedLine.Readable, tagged = header.Length;
        while (found > line && ends[found - 1] > lastReadable) found--;
        if (tagged == 0 || found == line) return line;
        ref int end = ref Unsafe.Add(ref ends.First, line), behindLast = ref Unsafe.Add(ref ends.First, found);
        ref byte first = ref MemoryMarshal.GetReference(block), known = ref header.First;
        ulong behind = header.Behind;
        var model = new WaitingLine(start: 0, header.Number, length: 0, new() { ProgramStart = tagged, MessageStart = tagged + 1 });
        ref WaitingLine next = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(cut), count);
        nint start = at;
        for (; Unsafe.IsAddressLessThan(ref end, ref behindLast); end = ref Unsafe.Add(ref end, 1))
        {
            int length = end - (int)start;
            ref byte text = ref Unsafe.Add(ref first, start);
            // Asked, not computed: so what follows need not wait for the comparison.
            if (length > LogLines.MaxLine || (WideBytes.Same(ref text, ref known) | behind) != ulong.MaxValue
                || !TaggedLine.TryReadTag(ref Unsafe.Add(ref text, (nint)(uint)tagged), length - tagged, out int program, out int blank)) break;
            next = model.At((int)start, length, program, blank);
            next = ref Unsafe.Add(ref next, 1);
            start = end + 1;
        }

        at = (int)start;
        count = PlaceOf(cut, ref next);
        return (int)((nuint)Unsafe.ByteOffset(ref ends.First, ref end) / sizeof(int));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private void CutOne(ReadOnlySpan<byte> block, int length, int longest, ref int count)
    {
        if (length > longest) Oversized++;
        else if (at <= block.Length - TaggedLine.Readable && TaggedLine.TryRead(ref Unsafe.Add(ref MemoryMarshal.GetReference(block), at), length, header, out TaggedLine tagged))
            cut[count++] = new(at, header.Number, length, tagged);
        else if (length > 0) cut[count++] = new(at, header: 0, length);
        at += length + 1;
    }

    // Lets the lines wait whose programs have rules.
    private void Keep(ReadOnlySpan<byte> block, int count, bool keepsAll)
    {
        int least = keepsAll ? 0 : 1;
        for (int i = 0; i < count && (i = KeepKnown(block, i, count, least)) < count; i++)
        {
            ref WaitingLine next = ref cut[i], line = ref lines[Count];
            if (next.ProgramLength == 0)
            {
                line = next;
                line.Fate = LineFate.Apart;
                Count++;
                continue;
            }

            ref byte text = ref Unsafe.Add(ref MemoryMarshal.GetReference(block), next.Start);
            int number = programs.Find(ref Unsafe.Add(ref text, next.ProgramStart), next.ProgramLength);
            line = next.With(number, ShapeOf(number, ref Unsafe.Add(ref text, next.MessageStart)));
            if (number >= least) Count++;
        }
    }

    // The lines of programs that wrote of late, without a call; the answer is the first line of another one. Nothing here is
    // wider than eight bytes, so it is compiled ahead.
    private int KeepKnown(ReadOnlySpan<byte> block, int line, int count, int least)
    {
        ref byte first = ref MemoryMarshal.GetReference(block);
        ref WaitingLine all = ref MemoryMarshal.GetArrayDataReference(cut);
        ref WaitingLine next = ref Unsafe.Add(ref all, line), end = ref Unsafe.Add(ref all, count);
        ref WaitingLine into = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(lines), Count);
        ref RecentPrograms.Place known = ref programs.First;
        for (; Unsafe.IsAddressLessThan(ref next, ref end); next = ref Unsafe.Add(ref next, 1))
        {
            ref byte text = ref Unsafe.Add(ref first, (nint)(uint)next.Start);
            if (!RecentPrograms.TryFind(ref known, ref Unsafe.Add(ref text, next.ProgramStart), next.ProgramLength, out int number)) break;
            into = next.With(number, ShapeOf(number, ref Unsafe.Add(ref text, next.MessageStart)));
            // Nothing is asked here: which programs have rules is as little to be guessed as the programs are.
            into = ref Unsafe.Add(ref into, (nint)Unsafe.BitCast<bool, byte>(number >= least));
        }

        Count = PlaceOf(lines, ref into);
        return PlaceOf(cut, ref next);
    }

    private static int PlaceOf(WaitingLine[] all, ref WaitingLine line) =>
        (int)((nuint)Unsafe.ByteOffset(ref MemoryMarshal.GetArrayDataReference(all), ref line) / (uint)Unsafe.SizeOf<WaitingLine>());

    // Lines without rules, and those of other rules than the only ones, are read for themselves.
    private void SetApart(int from, ProgramRules[]? own)
    {
        foreach (ref WaitingLine line in lines.AsSpan(from, Count - from))
            if (line.Fate == LineFate.Unknown && (line.Rules == 0 || (own is not null && !ReferenceEquals(own, programs[line.Rules])))) line.Fate = LineFate.Apart;
    }

    /// <summary>The places of the lines, those of one shape behind one another, and otherwise as they came in. None is marked any more.</summary>
    public ReadOnlySpan<ushort> ByShape()
    {
        Array.Clear(places);
        Array.Clear(marks);
        Span<WaitingLine> all = lines.AsSpan(0, Count);
        ref ushort first = ref MemoryMarshal.GetArrayDataReference(places);
        foreach (ref WaitingLine line in all) Unsafe.Add(ref first, (nint)(uint)line.Place + 1)++;
        int sum = 0;
        foreach (ref ushort place in places.AsSpan(0, Math.Min(Shapes, programs.Count * ShapesOfAProgram) + 1))
        {
            sum += place;
            place = (ushort)sum;
        }

        // Each place is below Shapes, and each line has its own.
        ref ushort into = ref MemoryMarshal.GetArrayDataReference(order);
        for (int i = 0; i < all.Length; i++) Unsafe.Add(ref into, Unsafe.Add(ref first, (nint)(uint)all[i].Place)++) = (ushort)i;
        return order.AsSpan(0, Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint ShapeOf(int rules, ref byte message)
    {
        uint beginning = Unsafe.ReadUnaligned<uint>(ref message) ^ (Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref message, 11)) * 0x85EB_CA6Bu);
        return (((uint)rules * ShapesOfAProgram) + ((beginning * 0x9E37_79B1u) >> 28)) % Shapes;
    }
}
