using RateWall.Detection;
using RateWall.Detection.Correlation;

namespace RateWall.Storage;

/// <summary>What correlation remembers, for as long as the program runs: for replays, which must leave no trace.</summary>
/// <param name="mostWindows">The most windows that are kept; the quietest go first.</param>
internal sealed class MemoryState(int mostWindows = MemoryState.StandardWindows) : ICorrelationState
{
    /// <summary>So many windows take some 20 MB.</summary>
    public const int StandardWindows = 60_000;

    // Who logged in from where: so many take some 12 MB.
    private const int MostLogins = 100_000;

    private readonly Dictionary<WindowId, IReadOnlyList<WindowMark>> windows = [];
    private readonly Dictionary<(AddressPrefix Key, string Family), long> trust = [];
    private readonly Dictionary<(AddressPrefix Key, string Family, ulong User), long> logins = [];

    /// <summary>Windows and logins that were given up although they still counted.</summary>
    public long Dropped { get; private set; }

    /// <inheritdoc/>
    public IReadOnlyList<WindowMark> LoadWindow(in WindowId window) => windows.GetValueOrDefault(window, []);

    /// <inheritdoc/>
    public long? LastSuccess(AddressPrefix key, string family) => trust.TryGetValue((key, family), out long last) ? last : null;

    /// <inheritdoc/>
    public long? LastLogin(AddressPrefix key, string family, ulong user) => logins.TryGetValue((key, family, user), out long last) ? last : null;

    /// <inheritdoc/>
    public long? LastSuccessInside(AddressPrefix network)
    {
        long? last = null;
        foreach ((AddressPrefix Key, string Family) who in trust.Keys)
            if (network.Contains(who.Key) && (last is not { } known || trust[who] > known)) last = trust[who];
        return last;
    }

    /// <summary>Remembers a step.</summary>
    /// <param name="step">What was read.</param>
    /// <param name="oldest">Windows whose newest mark is older, in ms since 1970, are of no use any more.</param>
    public void Save(CorrelatedStep step, long oldest)
    {
        foreach (WindowState window in step.Windows)
        {
            if (window.Marks.Count == 0) windows.Remove(window.Window);
            else windows[window.Window] = window.Marks;
        }

        foreach (SuccessSeen seen in step.Successes)
            trust[(seen.Key, seen.Family)] = Math.Max(seen.UnixMilliseconds, trust.GetValueOrDefault((seen.Key, seen.Family), long.MinValue));
        foreach (LoginSeen seen in step.Logins)
            logins[(seen.Key, seen.Family, seen.User)] = Math.Max(seen.UnixMilliseconds, logins.GetValueOrDefault((seen.Key, seen.Family, seen.User), long.MinValue));
        if (windows.Count > mostWindows) Forget(oldest);
        Shorten(trust);
        Shorten(logins);
    }

    // The half that logged in last stays. Who is forgotten is a stranger: bans may be told that would not have come.
    private void Shorten<TKey>(Dictionary<TKey, long> logins)
        where TKey : notnull
    {
        if (logins.Count <= MostLogins) return;
        long[] times = [.. logins.Values];
        Array.Sort(times);
        long old = times[times.Length / 2];
        int before = logins.Count;
        foreach ((TKey who, long last) in logins)
            if (last < old) logins.Remove(who);
        Dropped += before - logins.Count;
    }

    private void Forget(long oldest)
    {
        foreach ((WindowId window, IReadOnlyList<WindowMark> marks) in windows)
            if (marks[^1].UnixMilliseconds < oldest) windows.Remove(window);
        if (windows.Count <= mostWindows) return;
        // Half of them, so that it is not done again for every step.
        long[] newest = [.. windows.Values.Select(m => m[^1].UnixMilliseconds)];
        Array.Sort(newest);
        long quiet = newest[newest.Length - (mostWindows / 2)];
        int before = windows.Count;
        foreach ((WindowId window, IReadOnlyList<WindowMark> marks) in windows)
            if (marks[^1].UnixMilliseconds < quiet) windows.Remove(window);
        Dropped += before - windows.Count;
    }
}
