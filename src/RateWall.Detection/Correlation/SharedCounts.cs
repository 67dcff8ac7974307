namespace RateWall.Detection.Correlation;

/// <summary>What a source is counted in together with others.</summary>
/// <param name="Count">How near they are to an offence.</param>
/// <param name="Subject">Of what, as <see cref="WindowId.Subject"/>.</param>
/// <param name="Target">Whom the offence would be told of: their network, or this source.</param>
/// <param name="Shielded">True when a login keeps them from the offence now.</param>
public sealed record SharedCount(DetectionCount Count, string Subject, AddressPrefix Target, bool Shielded);

/// <summary>
/// The windows that a source shares: offenders of its network, and sources that tried an account which it tried. It looks
/// only; <see cref="Correlator"/> counts.
/// </summary>
public static class SharedCounts
{
    /// <summary>Every shared window of a service that holds something.</summary>
    /// <param name="at">The service.</param>
    /// <param name="key">The source.</param>
    /// <param name="trustedFor">How long a login keeps its network from being banned.</param>
    /// <param name="keys">Makes keys.</param>
    /// <param name="state">The windows.</param>
    /// <param name="now">The moment.</param>
    public static IEnumerable<SharedCount> Of(
        ServiceDetection at, AddressPrefix key, TimeSpan trustedFor, SourceKeys keys, ICorrelationState state, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(at);
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(state);
        if (at.Set.Prefix is { } prefix && Correlator.CountsNetworkOf(key)) yield return OfNetwork(prefix.Members);
        if (at.Set.Account is not { } account || state.LastSuccess(key, at.Family) is not null) yield break;
        // Names that it tried longer ago than its window reaches are not known any more.
        foreach (ulong user in state.LoadWindow(new(WindowId.Tries, at.Service, key)).Where(m => new Try(0, m.Low).IsStrangers).Select(m => m.Low).Distinct())
            if (OfAccount(user, account.Sources) is { Count.Count: > 0 } shared) yield return shared;

        SharedCount OfNetwork(Threshold members)
        {
            AddressPrefix network = Correlator.NetworkOf(key);
            var window = new WindowId(DetectionName.Prefix, at.Service, network);
            bool shielded = state.LastSuccessInside(network) is { } last && DateTimeOffset.FromUnixTimeMilliseconds(last) + trustedFor >= now;
            return new(CountOf(window, members, Inside(window, members)), window.Subject, network, shielded);
        }

        SharedCount? OfAccount(ulong user, Threshold sources)
        {
            var window = new WindowId(DetectionName.Account, at.Service, default, user);
            WindowMark[] strangers = [.. Inside(window, sources).Where(m => state.LastSuccess(keys.KeyOf(m.Address), at.Family) is null)];
            // Of a name that was tried before the last offence this source is none of the new ones.
            return Array.Exists(strangers, m => keys.KeyOf(m.Address) == key) ? new(CountOf(window, sources, strangers), window.Subject, key, Shielded: false) : null;
        }

        WindowMark[] Inside(WindowId window, Threshold threshold) =>
            [.. state.LoadWindow(window).Where(m => m.UnixMilliseconds > (now - threshold.Within).ToUnixTimeMilliseconds() && m.UnixMilliseconds <= now.ToUnixTimeMilliseconds())];

        DetectionCount CountOf(WindowId window, Threshold threshold, WindowMark[] marks) => new(
            window.Detection, at.Service, marks.Length, threshold.Count, threshold.Within,
            marks.Length == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(marks.Max(m => m.UnixMilliseconds)));
    }
}
