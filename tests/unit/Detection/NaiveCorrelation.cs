using RateWall.Detection;
using RateWall.Detection.Correlation;

namespace RateWall.UnitTests.Detection;

/// <summary>One attempt of a history.</summary>
internal sealed record Step(long At, string Service, AttemptKind Kind, string Source, string User, int Count);

/// <summary>
/// What docs/policy.md says, written down as plainly as can be: everything is kept in lists and looked through each time. It
/// shares no code with the correlator.
/// </summary>
internal sealed class NaiveCorrelation(DetectionSet set, int trustedFactor, long trust)
{
    private const long Hour = 3_600_000;

    private readonly List<(string Source, string User, long At)> logins = [];
    private readonly Dictionary<(string Service, string Source), List<(long At, string User, bool Known)>> tries = [];
    private readonly Dictionary<(string Service, string Source, AttemptKind Kind), List<long>> nuisances = [];
    private readonly Dictionary<(string Service, string Group), List<(string Source, long At)>> groups = [];
    private readonly Dictionary<string, (string Detection, long Since, long Until, int Count)> sieges = [];

    /// <summary>"detection service key at count since" of each offence, and "siege ..." whenever one changes.</summary>
    public List<string> Events { get; } = [];

    public void Add(Step step)
    {
        switch (step.Kind)
        {
            case AttemptKind.Success:
                logins.Add((step.Source, step.User, step.At));
                if (step.User.Length > 0) Tries(step).RemoveAll(t => t.User == step.User && t.At <= step.At);
                break;
            case AttemptKind.Failure or AttemptKind.Invalid:
                Fail(step);
                break;
            case AttemptKind.Probe:
                Bother(step, set.Probes!, "probes");
                break;
            case AttemptKind.Limit when step.Source.Length == 0:
                Siege(step, "daemon_limit", 1);
                break;
            case AttemptKind.Limit:
                Bother(step, set.DaemonLimit!, "daemon_limit");
                break;
        }
    }

    private void Fail(Step step)
    {
        bool trusted = IsTrusted(step), stranger = !logins.Any(l => l.Source == step.Source);
        bool known = step.User.Length > 0 && logins.Any(l => l.Source == step.Source && l.User == step.User && step.At - l.At <= trust);
        List<(long At, string User, bool Known)> held = Tries(step);
        if (known && held.Any(t => t.Known && t.User == step.User && Math.Abs(t.At - step.At) < Hour)) return;
        long reach = 2 * new[] { Hour, Length(set.Failures!), Length(set.Slow!), Length(set.Users!.Stranger), Length(set.Users.Trusted!) }.Max();
        held.RemoveAll(t => t.At <= step.At - reach || t.At >= step.At + reach);
        held.AddRange(Enumerable.Repeat((step.At, step.User, known), known ? 1 : step.Count));
        int factor = trusted ? trustedFactor : 1;
        Threshold users = trusted ? set.Users.Trusted! : set.Users.Stranger;
        if (Best(held, step.At, Length(set.Failures!), t => t.Count) is var (failures, since) && failures >= set.Failures!.Count * factor)
            Offence(step, "failures", failures, since, held.Clear);
        else if (!known && step.User.Length > 0 && Best(held, step.At, Length(users), Names) is var (names, from) && names >= users.Count)
            Offence(step, "users", names, from, held.Clear);
        else if (Best(held, step.At, Length(set.Slow!), t => t.Count) is var (slow, first) && slow >= set.Slow!.Count * factor)
            Offence(step, "slow", slow, first, held.Clear);
        if (stranger && step.User.Length > 0) TryAccount(step);
        if (!trusted) Press(step);
    }

    private void Bother(Step step, Threshold threshold, string detection)
    {
        if (IsTrusted(step)) return;
        if (!nuisances.TryGetValue((step.Service, step.Source, step.Kind), out List<long>? held)) nuisances[(step.Service, step.Source, step.Kind)] = held = [];
        held.RemoveAll(t => t <= step.At - (2 * Length(threshold)) || t >= step.At + (2 * Length(threshold)));
        held.AddRange(Enumerable.Repeat(step.At, step.Count));
        (int count, long since) = Best([.. held.Select(t => (t, "", false))], step.At, Length(threshold), t => t.Count);
        if (count >= threshold.Count) Offence(step, detection, count, since, held.Clear);
    }

    private void Offence(Step step, string detection, int count, long since, Action startAnew)
    {
        startAnew();
        Events.Add($"{detection} {step.Service} {step.Source} {step.At} {count} {since}");
        AddressPrefix network = NetworkOf(step.Source);
        List<(string Source, long At)> members = Note(step, network.ToString(), step.Source, set.Prefix!.Members);
        if (members.Count < set.Prefix.Members.Count) return;
        if (logins.Any(l => network.Contains(AddressPrefix.Parse(l.Source).Address) && step.At - l.At <= trust)) return;
        Events.Add($"prefix {step.Service} {network} {step.At} {members.Count} {members[0].At}");
        members.Clear();
    }

    private void TryAccount(Step step)
    {
        List<(string Source, long At)> members = Note(step, step.User, step.Source, set.Account!.Sources);
        if (members.Count < set.Account.Sources.Count) return;
        members.RemoveAll(m => logins.Any(l => l.Source == m.Source));
        if (members.Count < set.Account.Sources.Count) return;
        foreach ((string source, long at) in members) Events.Add($"account {step.Service} {source} {step.At} {members.Count} {at}");
        Siege(step, "account", members.Count);
        members.Clear();
    }

    private void Press(Step step)
    {
        Threshold threshold = set.Pressure!.Sources;
        bool late = groups.TryGetValue((step.Service, "*"), out List<(string, long At)>? before) && before.Count > 0
            && step.At <= before[^1].At - Length(threshold) && step.At > before[^1].At - (2 * Length(threshold));
        int count = Note(step, "*", step.Source, threshold).Count;
        if (!late && (count >= threshold.Count || (count * 2 >= threshold.Count && IsUnderSiege(step)))) Siege(step, "pressure", count);
    }

    // The sources of a group with their latest times, in the order of these, those within the length of the newest.
    private List<(string Source, long At)> Note(Step step, string group, string source, Threshold threshold)
    {
        if (!groups.TryGetValue((step.Service, group), out List<(string Source, long At)>? held)) groups[(step.Service, group)] = held = [];
        long length = Length(threshold);
        if (held.Count > 0 && step.At <= held[^1].At - (2 * length)) held.Clear();
        if (held.Count > 0 && step.At <= held[^1].At - length) return held;
        if (held.Any(m => m.Source == source && m.At >= step.At)) return held;
        held.RemoveAll(m => m.Source == source);
        held.Insert(held.Count(m => m.At <= step.At), (source, step.At));
        held.RemoveAll(m => m.At <= held[^1].At - length);
        if (held.Count > threshold.Count) held.RemoveRange(0, held.Count - threshold.Count);
        return held;
    }

    private void Siege(Step step, string detection, int count)
    {
        long until = step.At + (long)set.Pressure!.For.TotalMilliseconds;
        if (!IsUnderSiege(step))
        {
            Set((detection, step.At, until, count));
            return;
        }

        (string first, long since, long running, int _) = sieges[step.Service];
        bool isAhead = running - until >= (long)set.Pressure.For.TotalMilliseconds;
        if (running < until || isAhead) Set((first, Math.Min(since, step.At), until, count));

        void Set((string, long Since, long Until, int) siege)
        {
            sieges[step.Service] = siege;
            Events.Add($"siege {step.Service} {siege.Item1} {siege.Since} {siege.Until} {siege.Item4}");
        }
    }

    private bool IsUnderSiege(Step step) => sieges.TryGetValue(step.Service, out var siege) && step.At < siege.Until;

    private bool IsTrusted(Step step) => logins.Any(l => l.Source == step.Source) && step.At - logins.Where(l => l.Source == step.Source).Max(l => l.At) <= trust;

    private List<(long At, string User, bool Known)> Tries(Step step)
    {
        if (!tries.TryGetValue((step.Service, step.Source), out List<(long, string, bool)>? held)) tries[(step.Service, step.Source)] = held = [];
        return held;
    }

    // Of the stretches that hold a time the fullest, the earliest of equals.
    private static (int Count, long Since) Best(
        List<(long At, string User, bool Known)> held, long at, long length, Func<List<(long At, string User, bool Known)>, int> count) =>
        held.Select(t => t.At).Where(start => start <= at && at < start + length).Distinct().Order()
            .Select(start => (Count: count([.. held.Where(t => t.At >= start && t.At < start + length)]), Since: start))
            .MaxBy(s => s.Count);

    private static int Names(List<(long At, string User, bool Known)> held) =>
        held.Where(t => t.User.Length > 0 && !t.Known).Select(t => t.User).Distinct(StringComparer.Ordinal).Count();

    private static long Length(Threshold threshold) => (long)threshold.Within.TotalMilliseconds;

    private static AddressPrefix NetworkOf(string source)
    {
        AddressPrefix key = AddressPrefix.Parse(source);
        return AddressPrefix.Of(key.Address, key.IsIPv4 ? 24 : 48);
    }
}
