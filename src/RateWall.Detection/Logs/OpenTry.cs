using System.Text;

namespace RateWall.Detection.Logs;

/// <summary>Whose try it is: a process of a rule file's daemon, and the source it told of.</summary>
/// <param name="file">The rule file.</param>
/// <param name="process">The process id, or 0.</param>
/// <param name="hasSource">False when it told of none.</param>
/// <param name="source">The source; the default when there is none.</param>
internal readonly struct TryKey(RuleFile file, int process, bool hasSource, SourceAddress source)
{
    /// <summary>The rule file.</summary>
    public readonly RuleFile File = file;

    /// <summary>The process id, or 0.</summary>
    public readonly int Process = process;

    /// <summary>False when it told of none.</summary>
    public readonly bool HasSource = hasSource;

    /// <summary>The source, if there is one.</summary>
    public readonly SourceAddress Source = source;

    /// <summary>Differs from run to run.</summary>
    public int Hash => Source.Mixed ^ (Process * 0x61C8_8647);

    /// <summary>True when both are the same try's.</summary>
    public bool Is(in TryKey other) =>
        Process == other.Process && Source == other.Source && HasSource == other.HasSource && ReferenceEquals(File, other.File);
}

/// <summary>
/// A note that waits, or a process that has been counted. Member of two chains, by hash and by age, so that neither
/// finding it nor asking for the oldest looks anything up twice. The links are places in the table of <see cref="OpenTries"/>.
/// </summary>
internal struct OpenTry
{
    private byte[]? text;
    private string service;
    private string rule;
    private ushort userLength;
    private ushort lineLength;
    private AttemptKind kind;

    /// <summary>Whose try it is; handed over uncopied.</summary>
    public TryKey Key;

    /// <summary>When, in milliseconds since 1970.</summary>
    public long UnixMilliseconds;

    /// <summary>Tries it stands for; 0: the process has been counted.</summary>
    public int Count;

    /// <summary>The next one with the same hash; 0: none.</summary>
    public int Chained;

    /// <summary>The one that was changed just before this one.</summary>
    public int Older;

    /// <summary>The one that was changed just after this one.</summary>
    public int Newer;

    /// <summary>True when it has waited, or has been remembered, for long enough.</summary>
    public readonly bool IsOver(long now) =>
        now - UnixMilliseconds > (Count == 0 ? OpenTries.CountedMilliseconds : OpenTries.NoteMilliseconds);

    private readonly ReadOnlySpan<byte> User => text.AsSpan(0, userLength);

    private readonly ReadOnlySpan<byte> Line => text.AsSpan(userLength, lineLength);

    /// <summary>Gives its buffer back.</summary>
    public void DropText() => text = null;

    /// <summary>Takes over that the process has been counted.</summary>
    public void BecomeCounted(in Attempt attempt)
    {
        UnixMilliseconds = attempt.UnixMilliseconds;
        service = attempt.Service;
        kind = attempt.Kind;
        Count = 0;
        rule = attempt.Rule;
        userLength = lineLength = 0;
    }

    /// <summary>Takes over what an attempt says.</summary>
    public void Become(in Attempt attempt, int count)
    {
        UnixMilliseconds = attempt.UnixMilliseconds;
        service = attempt.Service;
        kind = attempt.Kind;
        Count = count;
        rule = attempt.Rule;
        userLength = (ushort)Math.Min(attempt.User.Length, OpenTries.MaxLine);
        lineLength = (ushort)Math.Min(attempt.Line.Length, OpenTries.MaxLine);
        if (text is null || text.Length < userLength + lineLength) text = new byte[Math.Max(256, userLength + lineLength)];
        attempt.User[..userLength].CopyTo(text);
        attempt.Line[..lineLength].CopyTo(text.AsSpan(userLength));
    }

    /// <summary>Takes over what says more: an unknown name more than a refusal, a refusal more than a hang-up.</summary>
    public void Strengthen(in Attempt attempt)
    {
        if (Strength(attempt.Kind) <= Strength(kind)) return;
        long first = UnixMilliseconds;
        Become(attempt, Math.Max(Count, attempt.Count));
        UnixMilliseconds = first;
    }

    /// <summary>Counts it.</summary>
    public readonly void HandOn(AttemptHandler onAttempt)
    {
        var attempt = new Attempt
        {
            UnixMilliseconds = UnixMilliseconds,
            Service = service,
            Kind = kind,
            HasSource = Key.HasSource,
            Source = Key.Source,
            User = User,
            Count = Count,
            IsNote = true,
            Rule = rule,
            Line = Line,
        };
        onAttempt(attempt);
    }

    /// <summary>As the storage keeps it.</summary>
    public readonly PendingNote ToNote() => new(
        Key.File.Program, Key.Process, UnixMilliseconds, service, kind, Key.HasSource ? Key.Source : null,
        userLength == 0 || Count == 0 ? null : Encoding.Latin1.GetString(User), Count, rule, Count == 0 ? [] : Line.ToArray());

    private static int Strength(AttemptKind kind) => kind switch
    {
        AttemptKind.Invalid => 3,
        AttemptKind.Failure => 2,
        AttemptKind.Probe => 1,
        _ => 0,
    };
}
