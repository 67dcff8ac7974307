using System.Globalization;
using System.Text.RegularExpressions;

namespace RateWall.Policy;

/// <summary>Reads which units are watched: what each says itself, over what `watch` says for all.</summary>
/// <param name="reader">Reads values.</param>
/// <param name="defaults">The section `watch`.</param>
/// <param name="services">The services that could be read.</param>
/// <param name="serviceNames">The names of all that are written; none when their section cannot be read, which is told already.</param>
internal sealed partial class UnitReader(ValueReader reader, MapNode defaults, IReadOnlyList<ServicePolicy> services, IReadOnlyList<string> serviceNames)
{
    /// <summary>The most units that are watched.</summary>
    public const int Most = 64;

    private const int MostProcesses = 10_000_000;
    private static readonly TimeSpan OneSecond = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan OneHour = TimeSpan.FromHours(1);
    private static readonly TimeSpan OneDay = TimeSpan.FromDays(1);
    private static readonly string[] CommonKeys =
        ["warn", "act", "normal", "after", "quiet", "pause", "forget", "ladder", "holds", "siege-for", "stop-for"];
    private static readonly string[] WatchKeys = ["interval", .. CommonKeys];
    private static readonly string[] Keys = ["enabled", "unit", "process", "services", .. CommonKeys, "allow-stop"];
    private static readonly string[] Rungs = [.. Enum.GetValues<Rung>().Select(Word)];

    private PolicyProblems Problems => reader.Problems;

    /// <summary>A rung as policy writes it.</summary>
    public static string Word(Rung rung) => rung.ToString().ToLowerInvariant();

    /// <summary>How often units are looked at, and a refusal of what `watch` cannot hold.</summary>
    public TimeSpan Interval()
    {
        if (defaults.Entries.Count == 0) return OneSecond;
        reader.KnownKeys(defaults, "watch", WatchKeys);
        return reader.Duration(defaults, "watch", "interval", OneSecond, TimeSpan.FromMinutes(1));
    }

    /// <summary>Reads one; null, and a problem, when it cannot be told what it is.</summary>
    public UnitPolicy? Read(MapEntry entry)
    {
        string name = entry.Key, path = $"units.{name}";
        if (!EntryName().IsMatch(name))
        {
            Problems.Add(entry.KeyOrigin, $"'{ValueReader.Shown(name)}' is no name for an entry of units; begin with a lower case letter, go on with lower case letters, digits or '_', 16 at most, and name the unit inside: 'unit: dovecot.service'");
            return null;
        }

        if (reader.Map(entry.Value, path, $"'{name}: {{ unit: dovecot.service }}'") is not { } own) return null;
        reader.KnownKeys(own, path, Keys);
        MapNode all = new MapNode(own.Origin, [.. defaults.Entries.Where(e => CommonKeys.Contains(e.Key))]).With(own);
        bool enabled = own.Find("enabled") is null || reader.Truth(own, path, "enabled");
        if (Unit(own, path) is not { } unit) return null;
        string? process = Process(own, path);
        List<string> answered = Services(own, path);
        UnitLevel? warn = Level(all, path, "warn"), act = Level(all, path, "act"), normal = Level(all, path, "normal");
        if (warn is { } w && act is { } a && normal is { } n) Ordered(all, path, w, a, n);
        bool allowStop = own.Find("allow-stop") is not null && reader.Truth(own, path, "allow-stop");
        var read = new UnitPolicy
        {
            Name = name,
            Unit = unit,
            Enabled = enabled,
            Process = process,
            Services = answered,
            Warn = warn ?? default,
            Act = act ?? default,
            Normal = normal ?? default,
            After = reader.Duration(all, path, "after", OneSecond, OneHour),
            Quiet = reader.Duration(all, path, "quiet", OneSecond, OneDay),
            Pause = reader.Duration(all, path, "pause", OneSecond, OneHour),
            Forget = reader.Duration(all, path, "forget", OneSecond, TimeSpan.FromDays(30)),
            Ladder = Ladder(all, path, out PolicyNode? stop, out PolicyNode? needsServices),
            Holds = reader.Whole(all, path, "holds", 1, 10_000),
            SiegeFor = reader.Duration(all, path, "siege-for", OneSecond, TimeSpan.FromDays(30)),
            StopFor = reader.Duration(all, path, "stop-for", OneSecond, OneDay),
            AllowStop = allowStop,
        };
        if (needsServices is not null && answered.Count == 0)
            Problems.Add(own.Origin, $"{path} lacks 'services', and its ladder looks at their connections; add the services that {unit} answers, as in 'services: [imap]', or take ban and siege off the ladder");
        if (stop is not null && !allowStop && new ProtectedUnits(services).Why(read) is { } why)
            Problems.Add(stop.Origin.File == PolicyReader.BuiltIn ? own.Origin : stop.Origin, $"{path}.ladder holds stop, but {why}; take stop out, or add 'allow-stop: true' if you do mean it");
        return read;
    }

    private string? Unit(MapNode own, string path)
    {
        if (reader.Scalar(own, path, "unit", "dovecot.service") is not { } scalar) return null;
        reader.Record($"{path}.unit", scalar.Text, scalar.Origin);
        if (UnitName().IsMatch(scalar.Text)) return scalar.Text;
        Problems.Add(scalar.Origin, $"{path}.unit is {ValueReader.Describe(scalar)}, which is no service's full name; write it as 'systemctl' shows it, like 'dovecot.service'");
        return null;
    }

    private string? Process(MapNode own, string path)
    {
        if (own.Find("process") is null || reader.Scalar(own, path, "process", "imap-login") is not { } scalar) return null;
        reader.Record($"{path}.process", scalar.Text, scalar.Origin);
        if (scalar.Text == UnitPolicy.AllProcesses) return null;
        if (ProcessName().IsMatch(scalar.Text)) return scalar.Text;
        Problems.Add(scalar.Origin, $"{path}.process is {ValueReader.Describe(scalar)}, which is no process's name; write it as 'ps' shows it, without its arguments, like 'imap-login', or '{UnitPolicy.AllProcesses}'");
        return null;
    }

    private List<string> Services(MapNode own, string path)
    {
        path = $"{path}.services";
        var names = new List<string>();
        if (own.Find("services") is not { } node) return names;
        foreach (PolicyNode item in Items(node))
        {
            string text = (item as ScalarNode)?.Text ?? "";
            if ((serviceNames.Count == 0 || serviceNames.Contains(text, StringComparer.Ordinal)) && !names.Contains(text)) names.Add(text);
            else if (names.Contains(text)) Problems.Add(item.Origin, $"{path} holds {ValueReader.Describe(item)} twice; remove one");
            else Problems.Add(item.Origin, $"{path} holds {ValueReader.Describe(item)}, which is no service; {ValueReader.Remedy(text, serviceNames)}");
        }

        reader.Record(path, $"[{string.Join(", ", names)}]", node.Origin);
        return names;
    }

    private UnitLevel? Level(MapNode all, string path, string key)
    {
        if (reader.Scalar(all, path, key, "80%") is not { } scalar) return null;
        reader.Record($"{path}.{key}", scalar.Text, scalar.Origin);
        bool share = scalar.Text.EndsWith('%');
        int most = share ? 100 : MostProcesses;
        string digits = share ? scalar.Text[..^1] : scalar.Text;
        if (digits.Length is > 0 and <= 9 && digits.All(char.IsAsciiDigit) && int.Parse(digits, CultureInfo.InvariantCulture) is var number && number >= 1 && number <= most)
            return new(number, share);
        Problems.Add(scalar.Origin, $"{path}.{key} is {ValueReader.Describe(scalar)}; write a number of processes from 1 to {MostProcesses}, or a share of TasksMax from 1% to 100%");
        return null;
    }

    // Of a number and a share only the unit's TasksMax can tell which is higher.
    private void Ordered(MapNode all, string path, UnitLevel warn, UnitLevel act, UnitLevel normal)
    {
        if (normal.IsShare == act.IsShare && normal.Number >= act.Number) Below("normal", normal, "act", act);
        else if (warn.IsShare == act.IsShare && warn.Number > act.Number) Below("warn", warn, "act", act);
        else if (normal.IsShare == warn.IsShare && normal.Number >= warn.Number) Below("normal", normal, "warn", warn);

        void Below(string low, UnitLevel lower, string high, UnitLevel higher)
        {
            ValueOrigin lowAt = all.Find(low)?.Origin ?? all.Origin, highAt = all.Find(high)?.Origin ?? all.Origin;
            Problems.Add(lowAt.File == PolicyReader.BuiltIn ? highAt : lowAt, $"{path}.{low} ({lower}) is not below {path}.{high} ({higher}); write normal below warn, and warn not above act");
        }
    }

    private List<Rung> Ladder(MapNode all, string path, out PolicyNode? stop, out PolicyNode? needsServices)
    {
        path = $"{path}.ladder";
        (stop, needsServices) = (null, null);
        var ladder = new List<Rung>();
        if (all.Find("ladder") is not { } node)
        {
            Problems.Add(all.Origin, $"{path} is missing; write 'ladder: [tell, ban, siege]'");
            return [Rung.Tell];
        }

        foreach (PolicyNode item in Items(node))
        {
            string text = (item as ScalarNode)?.Text ?? "";
            int rung = Array.IndexOf(Rungs, text);
            if (rung < 0)
            {
                Problems.Add(item.Origin, $"{path} holds {ValueReader.Describe(item)}; {ValueReader.Remedy(text, Rungs)}");
            }
            else if (ladder.Count > 0 && (Rung)rung <= ladder[^1])
            {
                Problems.Add(item.Origin, $"{path} holds {text} behind {Word(ladder[^1])}; each rung stands once, in the order {string.Join(", ", Rungs)}");
            }
            else
            {
                ladder.Add((Rung)rung);
                if ((Rung)rung == Rung.Stop) stop = item;
                if ((Rung)rung is Rung.Ban or Rung.Siege) needsServices = item;
            }
        }

        if (Items(node).Count == 0) Problems.Add(node.Origin, $"{path} is empty; write 'ladder: [tell]', or 'enabled: false' to leave the unit alone");
        reader.Record(path, $"[{string.Join(", ", ladder.Select(Word))}]", node.Origin);
        return ladder.Count == 0 ? [Rung.Tell] : ladder;
    }

    private static IReadOnlyList<PolicyNode> Items(PolicyNode node) => node switch
    {
        ListNode list => list.Items,
        ScalarNode { IsNothing: true } => [],
        _ => [node],
    };

    [GeneratedRegex(@"\A[a-z][a-z0-9_]{0,15}\z", RegexOptions.ExplicitCapture, Timeout.Infinite)]
    private static partial Regex EntryName();

    // systemd.unit(5), services only: slices and scopes hold what is not theirs.
    [GeneratedRegex(@"\A[A-Za-z0-9:_.\\-]{1,200}(?:@[A-Za-z0-9:_.\\-]{1,40})?\.service\z", RegexOptions.ExplicitCapture, Timeout.Infinite)]
    private static partial Regex UnitName();

    [GeneratedRegex(@"\A[A-Za-z0-9_./:+@-]{1,64}\z", RegexOptions.ExplicitCapture, Timeout.Infinite)]
    private static partial Regex ProcessName();
}
