using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Policy;
using RateWall.Storage;
using RateWall.Wall;

namespace RateWall.Commands;

/// <summary>What a commit needs of the kernel.</summary>
/// <param name="Put">As <see cref="KernelBans.Put"/>.</param>
/// <param name="Trust">As <see cref="KernelBans.Trust"/>.</param>
/// <param name="Siege">Puts a service under siege until a time, as <see cref="PortMeasures.Siege"/>.</param>
/// <param name="EndConnections">As <see cref="BannedConnections.End"/>.</param>
internal sealed record BanSets(
    Func<IReadOnlyList<BanElement>, IReadOnlyList<BanElement?>> Put,
    Func<IReadOnlyList<TrustedKey>, int> Trust,
    Action<ServicePolicy, DateTimeOffset> Siege,
    Func<IReadOnlyCollection<StoredBan>, EndedConnections> EndConnections)
{
    /// <summary>The kernel's own.</summary>
    public static BanSets Of(KernelBans kernel, PortMeasures ports, BannedConnections connections) =>
        new(bans => kernel.Put(bans), kernel.Trust, (service, until) => ports.Siege([service], until), connections.End);
}

/// <summary>The boundaries inside a commit at which a program may die; tests stop it at each.</summary>
internal enum CommitStage
{
    /// <summary>The lock is held and the bans are decided.</summary>
    Decided,

    /// <summary>The bans are written down as pending.</summary>
    Pending,

    /// <summary>The kernel has them.</summary>
    InKernel,

    /// <summary>Services are under siege.</summary>
    Besieged,

    /// <summary>The kernel knows who is trusted.</summary>
    Trusted,

    /// <summary>Everything is written down.</summary>
    Committed,
}

/// <summary>
/// Makes what a step found true, exactly once: pending rows with absolute deadlines, then the kernel, then one transaction
/// for "done", cursor, windows, notes, trust and evidence. Stopped anywhere, the next run settles the pending rows, reads the
/// same lines again, comes to the same offences and knows them; sieges have absolute deadlines, which only move later. A ban that finds no room in the kernel stays pending: it keeps
/// nothing else back, and each run tries it again until its deadline.
/// </summary>
internal sealed class StepCommit(
    StateDatabase state, BanSets kernel, EffectivePolicy policy, Exemptions exemptions, TimeProvider time, Func<IDisposable> takeLock,
    Action<CommitStage>? passing = null)
{
    /// <summary>So many pending bans are settled at a time, and told of one by one.</summary>
    internal const int SettledAtOnce = 5000;

    /// <summary>Bans that found no room in the kernel.</summary>
    public long WithoutRoom { get; private set; }

    /// <summary>Open connections of banned sources that were ended.</summary>
    public int ConnectionsEnded { get; private set; }

    /// <summary>Why open connections of banned sources could not be ended; null when they could.</summary>
    public string? ConnectionsProblem { get; private set; }

    /// <summary>Sieges that were raised or renewed, the latest of each service.</summary>
    public Dictionary<string, SiegeSeen> Sieges { get; } = new(StringComparer.Ordinal);

    /// <summary>Sources whose trust found no room in the kernel.</summary>
    public int TrustWithoutRoom { get; private set; }

    /// <summary>
    /// Gives the kernel what an interrupted run wrote down and what had found no room. Some thousands at a time, as there may
    /// be a million; where a whole such part finds no room, the rest of its family is not tried in this run.
    /// </summary>
    /// <returns>What of it is still in force: how many, and the first of them.</returns>
    public (long Count, IReadOnlyList<StoredBan> First) Settle()
    {
        using IDisposable held = takeLock();
        long count = 0;
        var first = new List<StoredBan>();
        foreach (bool ipv4 in (bool[])[true, false])
        {
            long last = 0;
            while (state.Pending(ipv4, last, SettledAtOnce) is { Count: > 0 } pending)
            {
                last = pending[^1].Id;
                HashSet<StoredBan> outside = Put(pending);
                StoredBan[] settled = [.. pending.Where(b => !outside.Contains(b))];
                state.Activate(settled);
                DateTimeOffset now = time.GetUtcNow();
                foreach (StoredBan ban in settled.Where(b => b.IsInForce(now)))
                {
                    count++;
                    if (first.Count < SettledAtOnce) first.Add(ban);
                }

                if (settled.Length > 0 || pending.Count < SettledAtOnce) continue;
                WithoutRoom += state.CountPending(ipv4, last);
                break;
            }
        }

        return (count, first);
    }

    /// <summary>Makes one step true, and says what became of each of its offences.</summary>
    public IReadOnlyList<BanVerdict> Commit(CorrelatedStep step)
    {
        using IDisposable held = takeLock();
        Pardons pardons = state.Pardons();
        List<BanVerdict> verdicts = Decide(step.Offences, pardons);
        passing?.Invoke(CommitStage.Decided);
        IReadOnlyList<StoredBan> added = Number(verdicts);
        passing?.Invoke(CommitStage.Pending);
        HashSet<StoredBan> outside = Put(added);
        passing?.Invoke(CommitStage.InKernel);
        Besiege(step.Sieges);
        passing?.Invoke(CommitStage.Besieged);
        Trust(step.Successes);
        passing?.Invoke(CommitStage.Trusted);
        ExplainedBan[] explained =
        [
            .. verdicts.Select((v, i) => (Verdict: v, step.Offences[i].Members))
                .Where(v => v.Verdict.Outcome is BanOutcome.Banned or BanOutcome.Known)
                .Select(v => new ExplainedBan(v.Verdict.Ban!, v.Members)),
        ];
        StoredBan[] active = [.. added.Where(b => !outside.Contains(b))];
        state.Commit(step with { Windows = [.. step.Windows.Select(w => Forgiven(w, pardons))] }, active, explained);
        passing?.Invoke(CommitStage.Committed);
        return [.. verdicts.Select(v => v is { Outcome: BanOutcome.Banned, Ban: { } ban } && outside.Contains(ban) ? v with { Outcome = BanOutcome.NoRoom } : v)];
    }

    private List<BanVerdict> Decide(IReadOnlyList<Offence> offences, Pardons pardons)
    {
        DateTimeOffset now = time.GetUtcNow();
        var verdicts = new List<BanVerdict>(offences.Count);
        var histories = new Dictionary<AddressPrefix, List<StoredBan>>();
        foreach (Offence offence in offences)
        {
            AddressPrefix key = offence.Key;
            if (!histories.TryGetValue(key, out List<StoredBan>? history)) histories.Add(key, history = [.. state.BansOf(key)]);
            BanVerdict verdict = BanDecision.Decide(offence, history, exemptions, pardons, policy, now);
            if (verdict.Outcome == BanOutcome.Banned) history.Add(verdict.Ban!);
            verdicts.Add(verdict);
        }

        return verdicts;
    }

    // Writes the new bans down and puts the numbered rows in the place of the decided ones.
    private IReadOnlyList<StoredBan> Number(List<BanVerdict> verdicts)
    {
        int[] places = [.. Enumerable.Range(0, verdicts.Count).Where(i => verdicts[i].Outcome == BanOutcome.Banned)];
        if (places.Length == 0) return [];
        IReadOnlyList<StoredBan> added = state.AddPending([.. places.Select(i => verdicts[i].Ban!)]);
        for (int n = 0; n < places.Length; n++) verdicts[places[n]] = verdicts[places[n]] with { Ban = added[n] };
        return added;
    }

    // Gives the kernel what is still in force, and back what found no room there.
    private HashSet<StoredBan> Put(IReadOnlyList<StoredBan> bans)
    {
        DateTimeOffset now = time.GetUtcNow();
        StoredBan[] alive = [.. bans.Where(b => b.IsInForce(now))];
        if (alive.Length == 0) return [];
        IReadOnlyList<BanElement?> standing = kernel.Put([.. alive.Select(b => BanElements.Of(b, policy))]);
        now = time.GetUtcNow();
        HashSet<StoredBan> outside = [.. alive.Where((b, i) => standing[i] is null && b.IsInForce(now))];
        WithoutRoom += outside.Count;
        EndConnections([.. alive.Where((_, i) => standing[i] is not null)]);
        return outside;
    }

    // After the ban: before it, whoever is cut off would come again.
    private void EndConnections(IReadOnlyCollection<StoredBan> banned)
    {
        EndedConnections outcome = kernel.EndConnections(banned);
        ConnectionsEnded += outcome.Ended;
        ConnectionsProblem ??= outcome.Problem;
    }

    private void Besiege(IReadOnlyList<SiegeSeen> sieges)
    {
        DateTimeOffset now = time.GetUtcNow();
        foreach (SiegeSeen seen in sieges)
        {
            if (policy.Enabled.FirstOrDefault(s => s.Name == seen.Service) is not { Detections.Pressure: { } pressure } service) continue;
            // As with bans: a log whose clock is ahead makes no siege longer than policy says.
            SiegeSeen siege = seen.Until > now + pressure.For ? seen with { Until = now + pressure.For } : seen;
            if (siege.Until <= now) continue;
            kernel.Siege(service, siege.Until);
            Sieges[siege.Service] = siege;
        }
    }

    private void Trust(IReadOnlyList<SuccessSeen> successes)
    {
        DateTimeOffset now = time.GetUtcNow();
        TrustedKey[] trusted =
        [
            .. successes
                .Select(s => new TrustedKey(s.Key, s.Family, policy.Trust.Until(s.UnixMilliseconds, now)))
                .Where(t => t.Until > now),
        ];
        if (trusted.Length > 0) TrustWithoutRoom += kernel.Trust(trusted);
    }

    // A pardon given while the step was being read: its windows must not bring the forgiven tries back.
    private static WindowState Forgiven(WindowState window, Pardons pardons)
    {
        if (pardons.IsEmpty) return window;
        if (window.HoldsSources)
            window = window with { Marks = [.. window.Marks.Where(m => m.UnixMilliseconds > pardons.ForgivenUpTo(AddressPrefix.Single(m.Address)))] };
        long upTo = pardons.ForgivenUpTo(window.Window.Key);
        return upTo == long.MinValue ? window : window with { Marks = [.. window.Marks.Where(m => m.UnixMilliseconds > upTo)] };
    }
}
