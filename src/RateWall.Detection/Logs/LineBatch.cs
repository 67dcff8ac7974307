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
    private const int ShapesOfAProgram = 8;
    private const int Shapes = 128 * ShapesOfAProgram;

    // Enough that each shape has some lines; few enough that they stay in the caches near by.
    private const int Full = 512;
    private const int Room = Full + LineEnds.MaxFound;

    private readonly LineEnds ends = new();
    private readonly KnownHeader header = new();
    private readonly RecentPrograms programs = new(rules);
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
    // Compiled for this very processor, and well at once: code that asks for vectors of 64 bytes cannot be compiled ahead.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool Fill(ReadOnlySpan<byte> block, bool insideLine, ProgramRules[]? own, bool keepsAll)
    {
        ref byte first = ref MemoryMarshal.GetReference(block);
        int longest = insideLine && Found == 0 ? -1 : LogLines.MaxLine, kept = 0, found = -1, start = at;
        while (kept < Full && (found = ends.Find(block, ref looked)) > 0)
        {
            Found += found;
            for (int i = 0; i < found; i++)
            {
                int length = ends[i] - start;
                ref byte text = ref Unsafe.Add(ref first, start);
                ref WaitingLine line = ref lines[kept];
                line.Start = start;
                line.Length = (ushort)length;
                int readable = block.Length - start;
                start += length + 1;
                if (length > longest)
                {
                    Oversized++;
                    longest = LogLines.MaxLine;
                }
                else if (readable >= TaggedLine.Readable && TaggedLine.TryRead(ref text, length, header, out TaggedLine tagged))
                {
                    int number = programs.Find(ref Unsafe.Add(ref text, tagged.ProgramStart), tagged.ProgramLength);
                    line.Header = header.Number;
                    line.Rules = (ushort)number;
                    line.Shape = ShapeOf(number, ref Unsafe.Add(ref text, tagged.MessageStart));
                    line.ProgramEnd = (byte)(tagged.ProgramStart + tagged.ProgramLength);
                    line.MessageStart = (byte)tagged.MessageStart;
                    line.Fate = LineFate.Unknown;
                    if (keepsAll && (number == 0 || (own is not null && !ReferenceEquals(own, programs[number])))) line.Fate = LineFate.Apart;
                    // Nothing is asked here: which programs have rules is as little to be guessed as the programs are.
                    kept += Unsafe.BitCast<bool, byte>(number > 0 | keepsAll);
                }
                else if (length > 0)
                {
                    line.Shape = 0;
                    line.Fate = LineFate.Apart;
                    kept++;
                }
            }
        }

        at = start;
        Count = kept;
        return kept > 0;
    }

    /// <summary>The places of the lines, those of one shape behind one another, and otherwise as they came in. None is marked any more.</summary>
    public ReadOnlySpan<ushort> ByShape()
    {
        Array.Clear(places);
        Array.Clear(marks);
        WaitingLine[] all = lines;
        for (int i = 0; i < Count; i++) places[all[i].Shape + 1]++;
        int sum = 0;
        foreach (ref ushort place in places.AsSpan())
        {
            sum += place;
            place = (ushort)sum;
        }

        for (int i = 0; i < Count; i++) order[places[all[i].Shape]++] = (ushort)i;
        return order.AsSpan(0, Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ushort ShapeOf(int rules, ref byte message)
    {
        uint beginning = Unsafe.ReadUnaligned<uint>(ref message) ^ Unsafe.Add(ref message, 4);
        return (ushort)((((uint)rules * ShapesOfAProgram) + ((beginning * 0x9E37_79B1u) >> 29)) % Shapes);
    }
}
