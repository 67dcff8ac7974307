using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace RateWall.Detection.Logs;

/// <summary>The rule file of a program, and the part of it that the program is.</summary>
internal sealed record ProgramRules(RuleFile File, Part? Part);

/// <summary>Finds the rule files of a syslog tag.</summary>
internal sealed class ProgramTable
{
    /// <summary>How a program begins of which only its end matters: "*/smtpd" for any "NAME/smtpd", "*/smtps/smtpd" for any "NAME/smtps/smtpd".</summary>
    public const string AnyPrefix = "*/";

    // The longest "/name" that is looked for.
    private const int MaxEnd = 64;

    private readonly Slot[] slots;
    private readonly int shift;
    private readonly bool hasAnyPrefix;

    public ProgramTable(IReadOnlyList<RuleFile> files)
    {
        Dictionary<string, List<ProgramRules>> all = [];
        foreach (RuleFile file in files)
        {
            foreach (Part part in file.Parts.Where(p => p.IsTag)) Add(Encoding.UTF8.GetString(part.Name), new(file, part));
            foreach (string program in file.Description.Programs) Add(program, new(file, null));
            // A daemon's own log file has the part where syslog has the program: "imap-login: Info: ...".
            foreach (Part part in file.Parts) Add(Encoding.UTF8.GetString(part.Name), new(file, part));
        }

        hasAnyPrefix = all.Keys.Any(p => p.StartsWith(AnyPrefix, StringComparison.Ordinal));
        int bits = 4;
        while ((1 << bits) < all.Count * 4) bits++;
        shift = 64 - bits;
        slots = new Slot[1 << bits];
        foreach ((string program, List<ProgramRules> rules) in all)
        {
            byte[] name = Encoding.UTF8.GetBytes(program);
            ulong head = HeadOf(name);
            int at = Place(head, name.Length);
            while (slots[at].Name is not null) at = (at + 1) & (slots.Length - 1);
            slots[at] = new(head, name, [.. rules]);
        }

        void Add(string program, ProgramRules rules)
        {
            if (!all.TryGetValue(program, out List<ProgramRules>? list)) all[program] = list = [];
            if (!list.Exists(r => r.File == rules.File)) list.Add(rules);
        }
    }

    /// <summary>The rule files of a program; empty when it has none.</summary>
    public ProgramRules[] Find(ReadOnlySpan<byte> program) => program.IsEmpty ? [] : Find(HeadOf(program), program);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ProgramRules[] Find(ulong head, ReadOnlySpan<byte> program)
    {
        for (int at = Place(head, program.Length); slots[at].Name is { } name; at = (at + 1) & (slots.Length - 1))
        {
            if (slots[at].Head != head || name.Length != program.Length) continue;
            if (program.Length <= 8 || program[8..].SequenceEqual(name.AsSpan(8))) return slots[at].Rules;
        }

        if (!hasAnyPrefix || program.LastIndexOf((byte)'/') is not (>= 0 and var slash)) return [];
        ProgramRules[] longer = program[..slash].LastIndexOf((byte)'/') is > 0 and var before ? FindLast(program[before..]) : [];
        return longer.Length > 0 ? longer : FindLast(program[slash..]);
    }

    // "mx1/smtpd" is looked for as "*/smtpd", "mx1/smtps/smtpd" as "*/smtps/smtpd" first.
    private ProgramRules[] FindLast(ReadOnlySpan<byte> end)
    {
        Span<byte> name = stackalloc byte[MaxEnd + 1];
        if (end.Length > MaxEnd) return [];
        name[0] = (byte)AnyPrefix[0];
        end.CopyTo(name[1..]);
        name = name[..(end.Length + 1)];
        ulong head = HeadOf(name);
        for (int at = Place(head, name.Length); slots[at].Name is { } known; at = (at + 1) & (slots.Length - 1))
            if (name.SequenceEqual(known)) return slots[at].Rules;
        return [];
    }

    // The first eight bytes as one number, zeros behind a shorter name.
    private static ulong HeadOf(ReadOnlySpan<byte> name)
    {
        Span<byte> head = stackalloc byte[8];
        head.Clear();
        name[..Math.Min(8, name.Length)].CopyTo(head);
        return BinaryPrimitives.ReadUInt64LittleEndian(head);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Place(ulong head, int length) => (int)((head + (ulong)length) * 0x9E37_79B9_7F4A_7C15UL >> shift);

    private readonly record struct Slot(ulong Head, byte[] Name, ProgramRules[] Rules);
}
