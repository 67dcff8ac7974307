using System.Runtime.CompilerServices;
using System.Text;

namespace RateWall.Detection.Logs;

/// <summary>The rule file of a program, and the part of it that the program is.</summary>
internal readonly record struct ProgramRules(RuleFile File, Part? Part);

/// <summary>Finds the rule files of a syslog tag.</summary>
internal sealed class ProgramTable
{
    private readonly Slot[] slots;
    private readonly int mask;

    public ProgramTable(IReadOnlyList<RuleFile> files)
    {
        Dictionary<string, List<ProgramRules>> all = [];
        foreach (RuleFile file in files)
        {
            foreach (string program in file.Description.Programs) Add(program, new(file, null));
            // A daemon's own log file has the part where syslog has the program: "imap-login: Info: ...".
            foreach (Part part in file.Parts) Add(Encoding.UTF8.GetString(part.Name), new(file, part));
        }

        int size = 16;
        while (size < all.Count * 4) size *= 2;
        mask = size - 1;
        slots = new Slot[size];
        foreach ((string program, List<ProgramRules> rules) in all)
        {
            byte[] name = Encoding.UTF8.GetBytes(program);
            int at = Hash(name) & mask;
            while (slots[at].Name is not null) at = (at + 1) & mask;
            slots[at] = new(name, [.. rules]);
        }

        void Add(string program, ProgramRules rules)
        {
            if (!all.TryGetValue(program, out List<ProgramRules>? list)) all[program] = list = [];
            if (!list.Exists(r => r.File == rules.File)) list.Add(rules);
        }
    }

    /// <summary>The rule files of a program; empty when it has none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public ProgramRules[] Find(ReadOnlySpan<byte> program)
    {
        if (program.IsEmpty) return [];
        for (int at = Hash(program) & mask; slots[at].Name is { } name; at = (at + 1) & mask)
            if (program.SequenceEqual(name)) return slots[at].Rules;
        return [];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Hash(ReadOnlySpan<byte> name) =>
        (name[0] * 31) + (name[^1] * 7) + (name[name.Length >> 1] * 131) + name.Length;

    private readonly record struct Slot(byte[] Name, ProgramRules[] Rules);
}
