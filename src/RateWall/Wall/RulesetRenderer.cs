using System.Globalization;
using System.Text.RegularExpressions;
using RateWall.Policy;

namespace RateWall.Wall;

/// <summary>Policy in, ruleset text out: a pure function of both and of the templates.</summary>
public sealed partial class RulesetRenderer
{
    private static readonly Road[] Roads =
    [
        new("_v4", "4", "ipv4_addr", "ip saddr", "ip saddr & 255.255.0.0", "ip saddr & 255.255.255.0", "IPv4 by /24", Declares: true),
        new("_v6", "6", "ipv6_addr", "ip6 saddr & ffff:ffff:ffff:ffff::", "ip6 saddr & ffff:ffff::", "ip6 saddr & ffff:ffff:ffff::", "IPv6 by /48", Declares: true),
        // The /48 of NAT64 is the whole of IPv4, and that of a link is everybody on it. The last eight bits are what an
        // IPv4 /24 is behind NAT64.
        new("_v6host", "6", "ipv6_addr", "ip6 saddr", "ip6 saddr & ffff:ffff::", "ip6 saddr & ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00", "hosts of byhost6 by /120", Declares: false),
    ];

    private readonly Func<string, NftTemplate> template;
    private readonly bool overridden;

    /// <param name="template">Gives the template of a name ("table.nft").</param>
    public RulesetRenderer(Func<string, NftTemplate> template) => this.template = template;

    /// <param name="templates">The templates in force.</param>
    public RulesetRenderer(WallTemplates templates)
    {
        ArgumentNullException.ThrowIfNull(templates);
        template = templates.Find;
        overridden = templates.Overrides.Count > 0;
    }

    /// <summary>The templates that come with the program.</summary>
    public static RulesetRenderer BuiltIn { get; } = new(WallTemplates.BuiltIn);

    /// <summary>The wall that a policy asks for.</summary>
    /// <exception cref="TemplateException">A template is wrong, or an operator's lacks what the program needs.</exception>
    public Ruleset Render(EffectivePolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ServicePolicy[] services = [.. policy.Enabled.Where(s => s.Ports.Count > 0)];
        var frame = new TemplateValues
        {
            ["ban_size"] = Number(policy.Bans.Size),
            ["trusted_size"] = Number(WorstCase.TrustedSources),
            // NF_IP_PRI_RAW is -300, NF_IP_PRI_MANGLE -150 (linux/netfilter_ipv4.h).
            ["early_priority"] = "-310",
            ["limits_priority"] = "-150",
            ["all_ports"] = string.Join(", ", services.SelectMany(s => s.Ports).Order()),
            ["refusals"] = PortMap(services, s => $"{s.Name}_refused"),
            ["lockdowns"] = PortMap(services, s => $"{s.Name}_lockdown"),
            ["roads4"] = PortMap(services, s => s.Name + "_v4"),
            ["roads6"] = PortMap(services, s => s.Name + "_v6"),
            ["roads6host"] = PortMap(services, s => s.Name + "_v6host"),
            ["ingress"] = IngressHooks.Names(policy.Ingress),
        };
        frame.AddList("families", services.Select(s => s.Family).Distinct(StringComparer.Ordinal).Select(f => new TemplateValues { ["family"] = f }));
        frame.AddList("services", services.Select(s => new TemplateValues
        {
            ["service"] = s.Name,
            ["prefix"] = Flag(s.Limit.Prefix is not null),
            ["concurrent"] = Flag(s.Limit.Concurrent is not null),
        }));
        frame.AddInsert("bans", template("bans.nft").Fill(frame));
        frame.AddInsert("limits", RenderLimits(services, policy));
        FilledText text = template("table.nft").Fill(frame);
        Ruleset ruleset = Describe(text.ToString()) with { Origins = text.Lines };
        if (overridden) MustHoldWhatIsFilled(ruleset, BuiltIn.Render(policy), services);
        return ruleset;
    }

    /// <summary>Bans, trust and exemptions are elements that the program adds: a wall without their sets would not hold them.</summary>
    private void MustHoldWhatIsFilled(Ruleset ruleset, Ruleset builtIn, ServicePolicy[] services)
    {
        IEnumerable<DeclaredSet> filled = builtIn.Sets.Values.Where(
            set => !services.Any(s => Roads.Any(r => set.Name.StartsWith($"{s.Name}_v{r.Version}_", StringComparison.Ordinal))));
        foreach (DeclaredSet set in filled)
        {
            if (ruleset.Sets.TryGetValue(set.Name, out DeclaredSet? own) && own.Key.Length == set.Key.Length && own.Features == set.Features) continue;
            throw new TemplateException($"{template("table.nft").Name}: the set {set.Name} is missing or of another shape, and the program fills it; declare it as the built-in template does ('ratewall plan --template table.nft')");
        }
    }

    private FilledText RenderLimits(ServicePolicy[] services, EffectivePolicy policy)
    {
        var text = new FilledText();
        foreach (ServicePolicy service in services)
        {
            text.Add(RenderService(service));
            foreach (Road road in Roads) RenderRoad(text, service, road, policy);
        }

        return text;
    }

    private FilledText RenderService(ServicePolicy service) => template("service.nft").Fill(new TemplateValues
    {
        ["service"] = service.Name,
        ["family"] = service.Family,
        ["siege_connections"] = Number(service.Siege.Connections),
        ["siege_seconds"] = Number((long)service.Siege.Per.TotalSeconds),
        ["siege_rate"] = Rate(service.Siege.Connections, service.Siege.Per),
        ["refuse"] = Refuse(service.Limit),
    });

    private void RenderRoad(FilledText text, ServicePolicy service, Road road, EffectivePolicy policy)
    {
        LimitPolicy limit = service.Limit;
        int trusted = limit.Connections * policy.Trust.Factor;
        var values = new TemplateValues
        {
            ["service"] = service.Name,
            ["family"] = service.Family,
            ["road"] = service.Name + road.Suffix,
            ["chain"] = service.Name + "_v" + road.Version,
            ["version"] = road.Version,
            ["type"] = road.Type,
            ["key"] = road.Key,
            ["wide"] = road.Wide,
            ["declares"] = Flag(road.Declares),
            ["ipv6"] = Flag(road.Version == "6"),
            ["connections"] = Number(limit.Connections),
            ["seconds"] = Number((long)limit.Per.TotalSeconds),
            ["rate"] = Rate(limit.Connections, limit.Per),
            ["trusted_connections"] = Number(trusted),
            ["trusted_rate"] = Rate(trusted, limit.Per),
            ["trusted_size"] = Number(WorstCase.TrustedSources),
            ["size"] = Number(limit.Size),
            ["overflow"] = Number(limit.OverflowPerSecond),
            ["refuse"] = Refuse(limit),
        };
        AddChecks(values, service, road, trusted: policy.Trust.Factor);
        values.AddList("slots", Enumerable.Range(1, limit.Connections).Select(i => new TemplateValues { ["slot"] = Number(i) }));
        string own = limit.Mode switch
        {
            LimitMode.Off => "limit-off.nft",
            LimitMode.Window => "limit-window.nft",
            LimitMode.Quiet => "limit-quiet.nft",
            LimitMode.Bucket => "limit-bucket.nft",
            _ => throw new ArgumentOutOfRangeException(nameof(service), limit.Mode, "unknown limit mode"),
        };
        List<string> names = [own];
        if (limit.Mode != LimitMode.Off) names.Add("limit-common.nft");
        if (limit.Prefix is not null) names.Add("limit-prefix.nft");
        if (limit.Concurrent is not null) names.Add("limit-concurrent.nft");
        foreach (string name in names)
        {
            text.Add("", default);
            text.Add(template(name).Fill(values));
        }
    }

    /// <summary>What stands between a source's own limit and its acceptance: the shared limits, where policy has any.</summary>
    private static void AddChecks(TemplateValues values, ServicePolicy service, Road road, int trusted)
    {
        (LimitPolicy limit, string chain) = (service.Limit, service.Name + road.Suffix);
        bool checks = limit.Prefix is not null || limit.Concurrent is not null;
        values.Set("checks", Flag(checks));
        values.Set("pass", checks ? $"goto {chain}_pass" : $"goto {service.Name}_admitted");
        values.Set("trusted_pass", limit.Concurrent is not null ? $"goto {chain}_trusted_pass" : $"counter name {service.Name}_passed accept");
        values.Set("prefix", limit.Prefix is null ? "" : road.Prefix);
        if (limit.Prefix is { } prefix)
        {
            values.Set("prefix_bits", road.PrefixBits);
            values.Set("prefix_connections", Number(prefix.Connections));
            values.Set("prefix_seconds", Number((long)prefix.Per.TotalSeconds));
            values.Set("prefix_rate", Rate(prefix.Connections, prefix.Per));
        }

        values.Set("concurrent", limit.Concurrent is { } most ? Number(most) : "");
        if (limit.Concurrent is not { } held) return;
        values.Set("trusted_concurrent", Number((long)held * trusted));
        // Whoever is alone in a crowd has what he would have had by himself.
        values.Set("crowd", Number(Math.Max(held, limit.OverflowPerSecond)));
    }

    private static string Refuse(LimitPolicy limit) => limit.Answer == LimitAnswer.Reset ? "reject with tcp reset" : "drop";

    private static string Flag(bool on) => on ? "yes" : "";

    /// <summary>
    /// nft knows rates per second, minute, hour, day and week only. Any other period is stated per day; what is lost by
    /// rounding down is under one connection a day.
    /// </summary>
    internal static string Rate(int count, TimeSpan per) => (long)per.TotalSeconds switch
    {
        1 => $"{count}/second",
        60 => $"{count}/minute",
        3600 => $"{count}/hour",
        86400 => $"{count}/day",
        long seconds => $"{Math.Max(1, count * 86400L / seconds)}/day",
    };

    private static string PortMap(IEnumerable<ServicePolicy> services, Func<ServicePolicy, string> chain) =>
        string.Join(", ", services.SelectMany(s => s.Ports.Select(p => (Port: p, Chain: chain(s)))).OrderBy(e => e.Port)
            .Select(e => $"{e.Port} : goto {e.Chain}"));

    /// <summary>What a ruleset text declares: one of the templates, or the kernel's own listing without elements.</summary>
    internal static Ruleset Describe(string text)
    {
        string code = Code(text);
        var sets = SetDeclaration().Matches(code).Select(Declared).ToDictionary(s => s.Name, StringComparer.Ordinal);
        return new(text, sets, Names(ChainDeclaration(), code), Names(CounterDeclaration(), code));
    }

    /// <summary>The chains that a text declares.</summary>
    internal static IReadOnlySet<string> ChainsIn(string text) => Names(ChainDeclaration(), Code(text));

    private static string Code(string text) => string.Join('\n', text.Split('\n').Where(l => !l.TrimStart().StartsWith('#')));

    private static DeclaredSet Declared(Match match)
    {
        string body = match.Groups["body"].Value;
        SetFeatures flags = SetFeatures.None;
        if (body.Contains("interval", StringComparison.Ordinal)) flags |= SetFeatures.Interval;
        if (body.Contains("timeout", StringComparison.Ordinal)) flags |= SetFeatures.Timeout;
        if (body.Contains("dynamic", StringComparison.Ordinal)) flags |= SetFeatures.Dynamic;
        Match size = SizeClause().Match(body);
        return new(
            match.Groups["name"].Value,
            new(TypeClause().Match(body).Groups["type"].Value),
            flags,
            size.Success ? uint.Parse(size.Groups["size"].ValueSpan, CultureInfo.InvariantCulture) : null,
            body.Contains("counter", StringComparison.Ordinal))
        {
            Timeout = TimeoutClause().Match(body) is { Success: true } clause ? Time(clause.Groups) : null,
        };
    }

    // nft(8): days, hours, minutes, seconds and milliseconds, any of them left out.
    private static TimeSpan Time(GroupCollection parts)
    {
        double Part(string unit) => parts[unit].Success ? double.Parse(parts[unit].ValueSpan, CultureInfo.InvariantCulture) : 0;
        return TimeSpan.FromMilliseconds(((((((Part("d") * 24) + Part("h")) * 60) + Part("m")) * 60) + Part("s")) * 1000 + Part("ms"));
    }

    private static HashSet<string> Names(Regex declaration, string code) =>
        declaration.Matches(code).Select(m => m.Groups["name"].Value).ToHashSet(StringComparer.Ordinal);

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    // Without a limit of time: a host that is too busy to go on for a second must get its wall nevertheless.
    [GeneratedRegex(@"^\s*set (?<name>\w+) \{(?<body>[^}]*)\}", RegexOptions.Multiline | RegexOptions.ExplicitCapture, Timeout.Infinite)]
    private static partial Regex SetDeclaration();

    [GeneratedRegex(@"^\s*chain (?<name>\w+) \{", RegexOptions.Multiline | RegexOptions.ExplicitCapture, Timeout.Infinite)]
    private static partial Regex ChainDeclaration();

    [GeneratedRegex(@"^\s*counter (?<name>\w+) \{", RegexOptions.Multiline | RegexOptions.ExplicitCapture, Timeout.Infinite)]
    private static partial Regex CounterDeclaration();

    [GeneratedRegex(@"type (?<type>[^;\n]+)", RegexOptions.ExplicitCapture, Timeout.Infinite)]
    private static partial Regex TypeClause();

    [GeneratedRegex(@"size (?<size>[0-9]+)", RegexOptions.ExplicitCapture, Timeout.Infinite)]
    private static partial Regex SizeClause();

    [GeneratedRegex(@"\btimeout (?=[0-9])((?<d>[0-9]{1,6})d)?((?<h>[0-9]{1,9})h)?((?<m>[0-9]{1,9})m(?!s))?((?<s>[0-9]{1,9})s)?((?<ms>[0-9]{1,9})ms)?", RegexOptions.ExplicitCapture, Timeout.Infinite)]
    private static partial Regex TimeoutClause();

    private sealed record Road(string Suffix, string Version, string Type, string Key, string Wide, string Prefix, string PrefixBits, bool Declares);
}
