using System.Text;

namespace RateWall.Detection.Logs;

/// <summary>Whose try it is: a process of a rule file's daemon, and the source it told of.</summary>
internal readonly record struct TryKey(string File, int Process, SourceAddress? Source);

/// <summary>
/// A note that waits, or a process that has been counted. Member of two chains, by hash and by age, so that neither
/// finding it nor asking for the oldest looks anything up twice.
/// </summary>
internal sealed class OpenTry
{
    private byte[] text = [];
    private int userLength;
    private int lineLength;
    private string service = "";
    private AttemptKind kind;
    private string rule = "";

    /// <summary>Whose try it is.</summary>
    public TryKey Key { get; private set; }

    /// <summary>The syslog tag of the process.</summary>
    public string Program { get; private set; } = "";

    /// <summary>When, in milliseconds since 1970.</summary>
    public long UnixMilliseconds { get; set; }

    /// <summary>Tries it stands for; 0: the process has been counted.</summary>
    public int Count { get; set; }

    /// <summary>The next one with the same hash.</summary>
    public OpenTry? Chained { get; set; }

    /// <summary>The one that was changed just before this one.</summary>
    public OpenTry? Older { get; set; }

    /// <summary>The one that was changed just after this one.</summary>
    public OpenTry? Newer { get; set; }

    private ReadOnlySpan<byte> User => text.AsSpan(0, userLength);

    private ReadOnlySpan<byte> Line => text.AsSpan(userLength, lineLength);

    /// <summary>Begins anew for another process.</summary>
    public void Open(in TryKey key, string byProgram)
    {
        Key = key;
        Program = byProgram;
    }

    /// <summary>Takes over what an attempt says.</summary>
    public void Become(in Attempt attempt, int count, bool keepText)
    {
        UnixMilliseconds = attempt.UnixMilliseconds;
        service = attempt.Service;
        kind = attempt.Kind;
        Count = count;
        rule = attempt.Rule;
        userLength = keepText ? Math.Min(attempt.User.Length, OpenTries.MaxLine) : 0;
        lineLength = keepText ? Math.Min(attempt.Line.Length, OpenTries.MaxLine) : 0;
        if (text.Length < userLength + lineLength) text = new byte[Math.Max(256, userLength + lineLength)];
        attempt.User[..userLength].CopyTo(text);
        attempt.Line[..lineLength].CopyTo(text.AsSpan(userLength));
    }

    /// <summary>Takes over what says more: an unknown name more than a refusal, a refusal more than a hang-up.</summary>
    public void Strengthen(in Attempt attempt)
    {
        if (Strength(attempt.Kind) <= Strength(kind)) return;
        long first = UnixMilliseconds;
        Become(attempt, Math.Max(Count, attempt.Count), keepText: true);
        UnixMilliseconds = first;
    }

    /// <summary>Counts it.</summary>
    public void HandOn(AttemptHandler onAttempt)
    {
        var attempt = new Attempt
        {
            UnixMilliseconds = UnixMilliseconds,
            Service = service,
            Kind = kind,
            HasSource = Key.Source is not null,
            Source = Key.Source ?? default,
            User = User,
            Count = Count,
            IsNote = true,
            Rule = rule,
            Line = Line,
        };
        onAttempt(attempt);
    }

    /// <summary>As the storage keeps it.</summary>
    public PendingNote ToNote() => new(
        Program, Key.Process, UnixMilliseconds, service, kind, Key.Source,
        userLength == 0 || Count == 0 ? null : Encoding.Latin1.GetString(User), Count, rule, Count == 0 ? [] : Line.ToArray());

    private static int Strength(AttemptKind kind) => kind switch
    {
        AttemptKind.Invalid => 3,
        AttemptKind.Failure => 2,
        AttemptKind.Probe => 1,
        _ => 0,
    };
}
