using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>A ban that would have been.</summary>
/// <param name="Ban">The ban.</param>
/// <param name="FirstTry">When its target was first seen trying since its last ban.</param>
internal sealed record ReplayedBan(StoredBan Ban, DateTimeOffset FirstTry);

/// <summary>A source that would have been banned and logged in after that: a mistake, or a guess that succeeded.</summary>
/// <param name="Source">The source.</param>
/// <param name="Ban">The last ban before the login: of the source, or of its network.</param>
/// <param name="Login">When it logged in.</param>
internal sealed record LaterLogin(AddressPrefix Source, StoredBan Ban, DateTimeOffset Login)
{
    /// <summary>How many logins the bans would have kept out.</summary>
    public int KeptOut { get; set; }
}

/// <summary>
/// What a policy would have made of a log: the recorder and the decisions of `correlate`, with the log's own clock, a memory
/// of its own, and no kernel. As in `correlate` tries count also while their source is banned, because they are in the log.
/// </summary>
internal sealed class PolicyReplay
{
    private const int MostFirstTries = 100_000;
    private static readonly long FirstTryFor = (long)TimeSpan.FromDays(1).TotalMilliseconds;

    private readonly EffectivePolicy policy;
    private readonly Exemptions exemptions;
    private readonly MemoryState state = new();
    private readonly StepRecorder recorder;
    private readonly long horizon;
    private readonly Dictionary<AddressPrefix, List<StoredBan>> histories = [];
    private readonly Dictionary<AddressPrefix, long> firstTries = [];
    private readonly HashSet<string> reasons = new(StringComparer.Ordinal);
    private readonly Dictionary<AddressPrefix, LaterLogin> laterLogins = [];
    private readonly Dictionary<(string Service, DateTimeOffset Since), SiegeSeen> sieges = [];
    private int decided;
    private bool networksBanned;

    /// <param name="policy">The policy.</param>
    /// <param name="exemptions">Who is never banned.</param>
    public PolicyReplay(EffectivePolicy policy, Exemptions exemptions)
    {
        this.policy = policy;
        this.exemptions = exemptions;
        horizon = (long)policy.Enabled.Select(s => s.Detections.Horizon).Append(TimeSpan.FromDays(1)).Max().TotalMilliseconds;
        recorder = new(policy, exemptions.Keys, state, UserNames.Passing()) { KeepsEvidence = false };
    }

    /// <summary>The bans, in the order in which they would have come.</summary>
    public List<ReplayedBan> Bans { get; } = [];

    /// <summary>Offences of those who are never banned.</summary>
    public Dictionary<Exemption, int> Exempt { get; } = [];

    /// <summary>Sources that logged in after a ban.</summary>
    public IEnumerable<LaterLogin> LaterLogins => laterLogins.Values;

    /// <summary>Sieges, each as it was last renewed.</summary>
    public IEnumerable<SiegeSeen> Sieges => sieges.Values;

    /// <summary>Tries seen.</summary>
    public long Attempts => recorder.Attempts;

    /// <summary>Failed tries and probes that came while their source would have been banned.</summary>
    public long KeptOut { get; private set; }

    /// <summary>Tries that were not counted for want of memory, or whose window was given up.</summary>
    public long Uncounted => recorder.Overflowed + state.Dropped;

    /// <summary>The first try's time, in ms since 1970.</summary>
    public long From { get; private set; } = long.MaxValue;

    /// <summary>The last try's time, in ms since 1970.</summary>
    public long To { get; private set; } = long.MinValue;

    /// <summary>Takes a try.</summary>
    public void Observe(in Attempt attempt)
    {
        From = Math.Min(From, attempt.UnixMilliseconds);
        To = Math.Max(To, attempt.UnixMilliseconds);
        if (attempt.HasSource)
        {
            AddressPrefix key = exemptions.Keys.KeyOf(attempt.Source);
            if (attempt.Kind == AttemptKind.Success) LoggedIn(key, attempt.Service, attempt.UnixMilliseconds);
            else Tried(key, attempt);
        }

        recorder.Observe(attempt);
        for (; decided < recorder.Offences.Count; decided++) Decide(recorder.Offences[decided]);
    }

    /// <summary>Ends a step: what it counted is remembered in the compact form.</summary>
    public void EndStep()
    {
        CorrelatedStep step = recorder.Take("replay", cursor: null, []);
        foreach (SiegeSeen siege in step.Sieges) sieges[(siege.Service, siege.Since)] = siege;
        state.Save(step, To - horizon);
        recorder.Clear();
        decided = 0;
    }

    private void Tried(AddressPrefix key, in Attempt attempt)
    {
        if (histories.Count > 0 && Covering(key, attempt.Service, attempt.UnixMilliseconds) is not null) KeptOut += Math.Max(1, attempt.Count);
        if (firstTries.Count >= MostFirstTries && !firstTries.ContainsKey(key))
        {
            foreach ((AddressPrefix quiet, long at) in firstTries)
                if (at < attempt.UnixMilliseconds - FirstTryFor) firstTries.Remove(quiet);
            if (firstTries.Count >= MostFirstTries) firstTries.Clear();
        }

        firstTries.TryAdd(key, attempt.UnixMilliseconds);
    }

    private void Decide(Offence offence)
    {
        if (!histories.TryGetValue(offence.Key, out List<StoredBan>? history)) history = [];
        BanVerdict verdict = BanDecision.Decide(offence, history, exemptions, Pardons.None, policy, offence.At);
        if (verdict.Exemption is { } exemption) Exempt[exemption] = Exempt.GetValueOrDefault(exemption) + 1;
        if (verdict.Outcome != BanOutcome.Banned) return;
        StoredBan ban = verdict.Ban! with { Reason = OnceOnly(verdict.Ban!.Reason) };
        history.Add(ban);
        histories[offence.Key] = history;
        networksBanned |= offence.Detection == DetectionName.Prefix;
        long since = offence.Since.ToUnixTimeMilliseconds();
        long first = firstTries.Remove(offence.Key, out long at) ? Math.Min(at, since) : since;
        Bans.Add(new(ban, DateTimeOffset.FromUnixTimeMilliseconds(first)));
    }

    // Tens of thousands of bans have a few reasons between them.
    private string OnceOnly(string reason)
    {
        if (reasons.TryGetValue(reason, out string? known)) return known;
        reasons.Add(reason);
        return reason;
    }

    private void LoggedIn(AddressPrefix key, string service, long at)
    {
        if (histories.Count == 0) return;
        StoredBan? covering = Covering(key, service, at);
        StoredBan? before = covering ?? (histories.TryGetValue(key, out List<StoredBan>? own) ? own[^1] : null);
        if (before is null || before.At.ToUnixTimeMilliseconds() > at) return;
        if (!laterLogins.TryGetValue(key, out LaterLogin? known)) laterLogins.Add(key, known = new(key, before, DateTimeOffset.FromUnixTimeMilliseconds(at)));
        if (covering is not null) known.KeptOut++;
    }

    // The ban that would have stopped a key at a service at this time.
    private StoredBan? Covering(AddressPrefix key, string service, long at)
    {
        return In(key) ?? (networksBanned ? In(Correlator.NetworkOf(key)) : null);

        StoredBan? In(AddressPrefix target)
        {
            if (!histories.TryGetValue(target, out List<StoredBan>? history)) return null;
            StoredBan last = history[^1];
            return last.Scope is StoredBan.AllPorts || last.Scope == service
                ? last.At.ToUnixTimeMilliseconds() <= at && at < last.Until.ToUnixTimeMilliseconds() ? last : null
                : null;
        }
    }
}
