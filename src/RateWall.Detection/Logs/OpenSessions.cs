using System.Text;

namespace RateWall.Detection.Logs;

/// <summary>
/// Which address a daemon's session came from, where only the session's first line names it (OpenSMTPD). A session's name
/// is the daemon's own and is never used twice, so nobody can speak for another's. Bounded: the oldest makes room.
/// </summary>
internal sealed class OpenSessions
{
    /// <summary>The most sessions remembered.</summary>
    public const int MaxSessions = 4096;

    /// <summary>How long a session is handed on to the next run: longer than servers let clients idle.</summary>
    public const long KeptMilliseconds = 3_600_000;

    private readonly RuleSet rules;
    private readonly Dictionary<SessionKey, Opened> sessions = [];
    private readonly Queue<SessionKey> order = new();

    public OpenSessions(RuleSet rules) => this.rules = rules;

    /// <summary>A session began.</summary>
    /// <param name="file">The rule file's name.</param>
    /// <param name="program">Its first program.</param>
    /// <param name="name">The session's name.</param>
    /// <param name="source">Where it came from.</param>
    /// <param name="unixMilliseconds">When.</param>
    public void Open(string file, string program, ReadOnlySpan<byte> name, SourceAddress source, long unixMilliseconds)
    {
        var key = new SessionKey(file, Encoding.Latin1.GetString(name));
        if (!sessions.ContainsKey(key)) order.Enqueue(key);
        sessions[key] = new(program, source, unixMilliseconds);
        if (order.Count > MaxSessions) sessions.Remove(order.Dequeue());
    }

    /// <summary>Where a session came from; false when its first line was not seen.</summary>
    public bool TryFind(string file, ReadOnlySpan<byte> name, out SourceAddress source)
    {
        bool known = sessions.TryGetValue(new(file, Encoding.Latin1.GetString(name)), out Opened? opened);
        source = known ? opened!.Source : default;
        return known;
    }

    /// <summary>The younger sessions, as notes of no kind, oldest first.</summary>
    public IEnumerable<PendingNote> Export()
    {
        long newest = sessions.Count == 0 ? 0 : sessions.Values.Max(s => s.UnixMilliseconds);
        foreach (SessionKey key in order)
        {
            Opened session = sessions[key];
            if (newest - session.UnixMilliseconds > KeptMilliseconds) continue;
            yield return new(session.Program, 0, session.UnixMilliseconds, "", AttemptKind.None, session.Source, key.Name, 0, "", []);
        }
    }

    /// <summary>Takes back what <see cref="Export"/> gave.</summary>
    public void Restore(PendingNote note)
    {
        if (rules.FileOf(note.Program) is { } file && note is { User: { } name, Source: { } source })
            Open(file.Description.Name, note.Program, Encoding.Latin1.GetBytes(name), source, note.UnixMilliseconds);
    }

    private readonly record struct SessionKey(string File, string Name);

    private sealed record Opened(string Program, SourceAddress Source, long UnixMilliseconds);
}
