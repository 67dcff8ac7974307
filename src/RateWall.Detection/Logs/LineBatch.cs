using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using RateWall.Detection.Correlation;

namespace RateWall.Detection.Logs;

/// <summary>
/// Lines that wait to be matched, and the order in which that is done: those of one program and one beginning behind one
/// another. What a line is, no processor guesses right; that it is of the shape of the one before, it does. Of one reader alone.
/// </summary>
internal sealed class LineBatch(RuleSet rules)
{
    // How many beginnings of messages are told apart among those of a program, and how many programs' rules.
    private const int ShapesOfAProgram = 8;
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

    /// <summary>Asks for the beginning of a line's message.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AskFor(int index, ReadOnlySpan<byte> block)
    {
        ref readonly WaitingLine line = ref lines[index];
        ref byte message = ref Unsafe.Add(ref MemoryMarshal.GetReference(block), line.Start + line.MessageStart);
        MemoryAhead.Ask(ref message);
        MemoryAhead.Ask(ref Unsafe.Add(ref message, 64));
    }

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
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int Cut(ReadOnlySpan<byte> block, int found, int longest)
    {
        ref byte first = ref MemoryMarshal.GetReference(block);
        ref WaitingLine next = ref MemoryMarshal.GetArrayDataReference(cut);
        KnownHeader known = header;
        int start = at, lastReadable = block.Length - TaggedLine.Readable;
        for (int i = 0; i < found; i++)
        {
            int length = ends[i] - start;
            if (length > longest)
            {
                Oversized++;
            }
            else if (start <= lastReadable && TaggedLine.TryRead(ref Unsafe.Add(ref first, start), length, known, out TaggedLine tagged))
            {
                next = new(start, known.Number, length, tagged);
                next = ref Unsafe.Add(ref next, 1);
            }
            else if (length > 0)
            {
                next = new(start, header: 0, length);
                next = ref Unsafe.Add(ref next, 1);
            }

            longest = LogLines.MaxLine;
            start += length + 1;
        }

        at = start;
        return (int)((nuint)Unsafe.ByteOffset(ref MemoryMarshal.GetArrayDataReference(cut), ref next) / (uint)Unsafe.SizeOf<WaitingLine>());
    }

    // Lets the lines wait whose programs have rules.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Keep(ReadOnlySpan<byte> block, int count, bool keepsAll)
    {
        ref byte first = ref MemoryMarshal.GetReference(block);
        ref WaitingLine next = ref MemoryMarshal.GetArrayDataReference(cut);
        ref WaitingLine end = ref Unsafe.Add(ref next, count);
        WaitingLine[] all = lines;
        int kept = Count, least = keepsAll ? 0 : 1;
        for (; Unsafe.IsAddressLessThan(ref next, ref end); next = ref Unsafe.Add(ref next, 1))
        {
            ref WaitingLine line = ref all[kept];
            if (next.ProgramLength == 0)
            {
                line = next;
                line.Fate = LineFate.Apart;
                kept++;
                continue;
            }

            ref byte text = ref Unsafe.Add(ref first, next.Start);
            int number = programs.Find(ref Unsafe.Add(ref text, next.ProgramStart), next.ProgramLength);
            line = next.With(number, ShapeOf(number, ref Unsafe.Add(ref text, next.MessageStart)));
            // Nothing is asked here: which programs have rules is as little to be guessed as the programs are.
            kept += Unsafe.BitCast<bool, byte>(number >= least);
        }

        Count = kept;
    }

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
        WaitingLine[] all = lines;
        for (int i = 0; i < Count; i++) places[all[i].Place + 1]++;
        int sum = 0;
        foreach (ref ushort place in places.AsSpan(0, Math.Min(Shapes, programs.Count * ShapesOfAProgram) + 1))
        {
            sum += place;
            place = (ushort)sum;
        }

        for (int i = 0; i < Count; i++) order[places[all[i].Place]++] = (ushort)i;
        return order.AsSpan(0, Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint ShapeOf(int rules, ref byte message)
    {
        uint beginning = Unsafe.ReadUnaligned<uint>(ref message) ^ Unsafe.Add(ref message, 4);
        return (((uint)rules * ShapesOfAProgram) + ((beginning * 0x9E37_79B1u) >> 29)) % Shapes;
    }
}
