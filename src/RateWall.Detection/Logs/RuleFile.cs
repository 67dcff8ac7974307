using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace RateWall.Detection.Logs;

/// <summary>A compiled rule file.</summary>
internal sealed partial class RuleFile
{
    /// <summary>
    /// From so many bytes on a message may have been cut by its daemon or by a syslog (vpopmail: 500 bytes, syslogs: 1024
    /// and more), and an address that ends it may have lost digits.
    /// </summary>
    public const int UncutLength = 400;

    private static int numbered;

    private readonly Lock building = new();
    private readonly Lazy<RuleSample[]> samples;
    private RuleTree tree = null!;
    private volatile bool isBuilt;
    // The parts that messages begin with; when there are any, a message must name one.
    private readonly Part[] named;
    // The same by their first bytes.
    private readonly Part[]?[] namedBy = [];
    // Words such as "error:" that may stand in front of any message.
    private readonly Literal[] leads;
    // The first bytes of those, and of "message repeated".
    private readonly bool[] mayBeginOtherwise = new bool[256];

    public RuleFile(RuleFileDescription description, string service, Part[] parts, byte[][] leads, Rule[] rules, Lazy<RuleSample[]> samples)
    {
        Description = description;
        Name = description.Name;
        Program = description.Programs[0];
        Service = service;
        Parts = parts;
        this.leads = new Literal[leads.Length];
        mayBeginOtherwise['m'] = true;
        for (int i = 0; i < leads.Length; i++)
        {
            this.leads[i] = new(leads[i]);
            mayBeginOtherwise[leads[i][0]] = true;
        }

        Rules = rules;
        this.samples = samples;
        HasNotes = Array.Exists(rules, r => r.Counting == Counting.Note);
        named = Array.FindAll(parts, p => !p.IsTag);
        if (named.Length == 0) return;
        namedBy = new Part[256][];
        foreach (Part part in named) namedBy[part.Name[0]] = [.. namedBy[part.Name[0]] ?? [], part];
    }

    /// <summary>Another one for each file.</summary>
    public uint Number { get; } = (uint)Interlocked.Increment(ref numbered);

    /// <summary>What a person sees of it.</summary>
    public RuleFileDescription Description { get; }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>The first of its syslog tags, for what has to name one.</summary>
    public string Program { get; }

    /// <summary>The service of rules and parts that name none.</summary>
    public string Service { get; }

    /// <summary>The parts.</summary>
    public Part[] Parts { get; }

    /// <summary>The rules, in order.</summary>
    public Rule[] Rules { get; }

    /// <summary>True when a rule is a note; without any, nothing has to be remembered from line to line.</summary>
    public bool HasNotes { get; }

    /// <summary>True when in the daemon's own log the message follows the stamp at once: what looks like a tag there is text.</summary>
    public bool HasOwnHeader { get; init; }

    /// <summary>True when messages may begin with the daemon's own stamp, zone and "[pid]".</summary>
    public bool IsStamped { get; init; }

    /// <summary>The priority of the copy that a line may have in syslog (0 to 7, RFC 5424 section 6.2.1); null: none has.</summary>
    public int? CopyPriority { get; init; }

    /// <summary>The sample lines; those of a shipped file are read when they are first asked for.</summary>
    public RuleSample[] Samples => samples.Value;

    /// <summary>Matches a message whose header is gone.</summary>
    /// <param name="message">The message, at most <see cref="LogLines.MaxLine"/> bytes: of longer ones nothing is believed.</param>
    /// <param name="part">The part, where the header named it.</param>
    /// <param name="result">
    /// The rule and what it found in which stretch of the message. When none matched only the rule is defined: the `none` rule whose
    /// line it is, or null.
    /// </param>
    [SkipLocalsInit]
    public bool Match(ReadOnlySpan<byte> message, Part? part, out RuleMatch result)
    {
        Unsafe.SkipInit(out result);
        result.Rule = null!;
        Span<byte> room = stackalloc byte[LogLines.MaxLine + Scan.Readable];
        return message.Length <= LogLines.MaxLine && MatchUnknown(Scan.Copy(message, room), part, recent: null, ref result);
    }

    /// <summary>As <see cref="Match(ReadOnlySpan{byte}, Part?, out RuleMatch)"/>; the stretch comes back in the message's place.</summary>
    public bool Match(ref ReadOnlySpan<byte> message, Part? part, out RuleMatch result)
    {
        if (!Match(message, part, out result)) return false;
        message = message.Slice(result.Start, result.Length);
        return true;
    }

    /// <summary>As <see cref="Match(ReadOnlySpan{byte}, Part?, out RuleMatch)"/>, of a message that can be read as <see cref="Scan.Readable"/> says.</summary>
    /// <param name="message">The message.</param>
    /// <param name="part">The part, where the header named it.</param>
    /// <param name="recent">The reader's.</param>
    /// <param name="result">The same.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool MatchInBlock(ReadOnlySpan<byte> message, Part? part, RecentBeginnings recent, out RuleMatch result)
    {
        Unsafe.SkipInit(out result);
        result.Rule = null!;
        ref RecentBeginnings.Beginning known = ref recent.Find(message, this, part);
        if (Unsafe.IsNullRef(ref known)) return MatchNew(message, part, recent, ref result);
        // What is taken away from a message's end begins with a blank, where every hole ends: so what leads nowhere leads nowhere then, too.
        return known.Node >= 0 && MatchKnown(message, part, recent, ref known, ref result);
    }

    private bool MatchNew(ReadOnlySpan<byte> message, Part? part, RecentBeginnings recent, ref RuleMatch result)
    {
        if (recent.WantsMore()) Learn(message, part, recent);
        return MatchUnknown(message, part, recent, ref result);
    }

    [SkipLocalsInit]
    private bool MatchKnown(ReadOnlySpan<byte> message, Part? part, RecentBeginnings recent, ref RecentBeginnings.Beginning known, ref RuleMatch result)
    {
        bool preauth = false;
        ReadOnlySpan<byte> rest = message;
        if (message[^1] is (byte)' ' or (byte)'\r' or (byte)']')
        {
            preauth = TakeEnding(ref rest);
            // What led somewhere must still be there.
            if (rest.Length < known.Length) return MatchUnknown(message, part, recent, ref result);
        }

        part = known.Part;
        rest = rest[known.Start..];
        return (part is null ? tree : part.Tree).MatchFrom(known.Node, known.At, rest, preauth, ref known.Templates, ref result)
            && Finish(rest, part, repeated: 1, known.Start, ref result);
    }

    private bool MatchUnknown(ReadOnlySpan<byte> message, Part? part, RecentBeginnings? recent, ref RuleMatch result)
    {
        if (!isBuilt) Build();
        ReadOnlySpan<byte> rest = message;
        // Where a syslog daemon's template sets a blank in front of a message that has its own.
        if (rest.Length > 1 && rest[0] == ' ' && rest[1] != ' ') rest = rest[1..];
        if (named.Length > 0 && part is null && (part = TakePartBehindLeads(ref rest)) is null && !rest.StartsWith("message repeated "u8)) return false;
        if (IsStamped) rest = WithoutStamp(rest);
        int repeated = 1;
        bool preauth = false;
        if (!rest.IsEmpty && mayBeginOtherwise[rest[0]])
        {
            rest = WithoutLeads(rest);
            if (rest.StartsWith("message repeated "u8))
            {
                preauth = TakeEnding(ref rest);
                if (!TakeRepeated(ref rest, ref repeated)) return false;
                if (named.Length > 0) part = TakePart(ref rest) ?? part;
                if (IsStamped) rest = WithoutStamp(rest);
                rest = WithoutLeads(rest);
            }
        }

        if (!rest.IsEmpty && rest[^1] is (byte)' ' or (byte)'\r' or (byte)']') preauth |= TakeEnding(ref rest);
        if (!(part is null ? tree : part.Tree).Match(rest, preauth, recent, ref result)) return false;
        int start = (int)Unsafe.ByteOffset(ref MemoryMarshal.GetReference(message), ref MemoryMarshal.GetReference(rest));
        return Finish(rest, part, repeated, start, ref result);
    }

    // False when the rule says that the line is no try.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Finish(ReadOnlySpan<byte> rest, Part? part, int repeated, int start, ref RuleMatch result)
    {
        if (result.Rule.IsClaim) return false;
        if (rest.Length >= UncutLength && result.Captures.AddressStart >= 0 && result.Captures.AddressStart + result.Captures.AddressLength == rest.Length)
            result.Captures.AddressStart = -1;
        result.File = this;
        result.Lines = repeated;
        result.Count = repeated == 1 ? result.Captures.Count : (int)Math.Min((long)result.Captures.Count * repeated, Captures.MaxCount);
        result.Service = result.Rule.Service ?? part?.Service ?? Service;
        result.Start = start;
        result.Length = rest.Length;
        return true;
    }

    // When the first message comes: most daemons that have rules are on no given host.
    private void Build()
    {
        lock (building)
        {
            if (isBuilt) return;
            tree = TreeOf(named.Length == 0 ? Rules : []);
            // Parts mostly come in groups that share their rules.
            Dictionary<string, RuleTree> trees = [];
            foreach (Part part in Parts)
            {
                Rule[] own = Array.FindAll(Rules, r => r.Parts.Length == 0 || Array.Exists(r.Parts, p => part.Name.AsSpan().SequenceEqual(p)));
                string names = string.Join(' ', own.Select(r => r.Name));
                if (!trees.TryGetValue(names, out RuleTree? known)) trees[names] = known = TreeOf(own);
                part.Tree = known;
            }

            isBuilt = true;
        }
    }

    private static RuleTree TreeOf(IEnumerable<Rule> rules) =>
        new(rules.SelectMany(r => r.Templates.Select((t, i) => new Candidate(r, i, t))));

    // dovecot 1 has its level in front of the part in its own log: "Info: imap-login: ".
    private Part? TakePartBehindLeads(ref ReadOnlySpan<byte> message)
    {
        if (TakePart(ref message) is { } part) return part;
        if (message.IsEmpty || !mayBeginOtherwise[message[0]]) return null;
        ReadOnlySpan<byte> rest = WithoutLeads(message);
        if (rest.Length == message.Length || TakePart(ref rest) is not { } behind) return null;
        message = rest;
        return behind;
    }

    private Part? TakePart(ref ReadOnlySpan<byte> message)
    {
        if (message.IsEmpty || namedBy[message[0]] is not { } maybe) return null;
        foreach (Part part in maybe)
        {
            if (!part.Start.IsAt(message, 0)) continue;
            ReadOnlySpan<byte> rest = message[part.Name.Length..];
            if (rest.StartsWith(": "u8))
            {
                message = rest[2..];
                return part;
            }

            // "auth-worker(1234): " is a part with its process id, "auth(default): " one with its name of long ago;
            // "auth(user,...)" is the message.
            if (rest.IsEmpty || rest[0] != '(') continue;
            int run = ByteClass.Account.Run(rest[1..]);
            bool isProcess = run > 0 && rest[(1 + run)..].StartsWith("): "u8);
            // "auth(x): pam(y,192.0.2.1): ...,198.51.100.9,sasl:plain)": a user whose name looks like the other form.
            if (isProcess && rest.IndexOf(",sasl:"u8) >= 0) return null;
            message = isProcess ? rest[(run + 4)..] : rest;
            return part;
        }

        return null;
    }

    private ReadOnlySpan<byte> WithoutLeads(ReadOnlySpan<byte> message)
    {
        foreach (ref readonly Literal lead in leads.AsSpan())
            if (lead.IsAt(message, 0)) return message[lead.Length..];
        return message;
    }

    // "2026-11-21 04:00:00.123 +0100 [4711] ", each of the three if it is there.
    private static ReadOnlySpan<byte> WithoutStamp(ReadOnlySpan<byte> message)
    {
        if (message.Length > 20 && message[4] == '-' && message[7] == '-' && message[10] == ' ' && message[13] == ':' && message[16] == ':'
            && message[19..].IndexOf((byte)' ') is >= 0 and <= 4 and var end)
            message = message[(20 + end)..];
        if (message.Length > 6 && message[0] is (byte)'+' or (byte)'-' && ByteClass.Port.Run(message[1..6]) == 4 && message[5] == ' ') message = message[6..];
        if (message.IsEmpty || message[0] != '[') return message;
        int digits = ByteClass.Num.Run(message[1..]);
        return digits > 0 && message[(1 + digits)..].StartsWith("] "u8) ? message[(digits + 3)..] : message;
    }

    private static bool TakeEnding(ref ReadOnlySpan<byte> message)
    {
        int length = message.Length;
        while (length > 0 && message[length - 1] is (byte)' ' or (byte)'\r') length--;
        message = message[..length];
        if (message.IsEmpty || message[^1] != ']' || !message.EndsWith(" [preauth]"u8)) return false;
        message = message[..^" [preauth]".Length].TrimEnd((byte)' ');
        return true;
    }

    // rsyslog: "message repeated 5 times: [ Failed ...]"
    private static bool TakeRepeated(ref ReadOnlySpan<byte> message, ref int times)
    {
        // The blanks at its end are gone by now, and with them perhaps the one that this begins with.
        if (!message.StartsWith("message repeated "u8)) return false;
        ReadOnlySpan<byte> rest = message["message repeated ".Length..];
        int digits = ByteClass.Count.Run(rest);
        if (digits == 0 || !rest[digits..].StartsWith(" times: ["u8) || rest[^1] != ']') return false;
        times = Math.Max(1, Segment.Number(rest[..digits]));
        message = rest[(digits + " times: [".Length)..^1].TrimStart((byte)' ');
        return true;
    }
}
