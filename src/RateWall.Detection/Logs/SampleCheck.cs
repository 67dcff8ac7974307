using System.Text;

namespace RateWall.Detection.Logs;

/// <summary>Runs a sample line of a rule file.</summary>
internal static class SampleCheck
{
    /// <summary>What is wrong, or null when the line gives what the file says.</summary>
    public static string? Run(RuleFile file, RuleSample sample)
    {
        ReadOnlySpan<byte> message = Encoding.UTF8.GetBytes(sample.Line);
        // A sample of a program with a service of its own begins with its tag.
        Part? part = RuleLint.TagOf(file, ref message);
        if (!file.Match(ref message, part, out RuleMatch match))
            return sample.Kind == AttemptKind.None && !sample.Opens ? null : $"{sample.Place}: no rule matches; {sample.Kind} was expected";
        string text = Encoding.UTF8.GetString(message);
        if (sample.Kind == AttemptKind.None && !sample.Opens) return $"{sample.Place}: {match.Rule.Name} matches; nothing should";
        Captures found = match.Captures;
        SourceAddress? source = found.AddressStart >= 0
            && SourceAddress.TryParse(message.Slice(found.AddressStart, found.AddressLength), out SourceAddress address) ? address : null;
        string? user = found.UserLength > 0 ? Encoding.UTF8.GetString(message.Slice(found.UserStart, found.UserLength)) : null;
        string came = Text(match.Rule.Kind, match.Service, source, user, match.Count);
        string expected = Text(sample.Kind, sample.Service ?? file.Service, sample.Source, sample.User, sample.Count);
        if (came != expected) return $"{sample.Place}: {expected} was expected; {came} came from {match.Rule.Name} of '{text}'";
        return match.Rule.Name == sample.Rule ? null : $"{sample.Place}: stands under {sample.Rule}, but {match.Rule.Name} matches";
    }

    private static string Text(AttemptKind kind, string service, SourceAddress? source, string? user, int count) =>
        $"[{kind} at {service} from {source?.ToString() ?? "nowhere"} user {user ?? "none"} count {count}]";
}
