using RateWall.Detection;
using RateWall.Detection.Correlation;

namespace RateWall.UnitTests.Detection;

/// <summary>The past, in memory.</summary>
internal sealed class MemoryState : ICorrelationState
{
    private readonly Dictionary<WindowId, IReadOnlyList<WindowMark>> windows = [];
    private readonly Dictionary<(AddressPrefix, string), long> successes = [];
    private readonly Dictionary<(AddressPrefix, string, ulong), long> logins = [];

    public void Save(IEnumerable<WindowState> changed)
    {
        foreach (WindowState window in changed) windows[window.Window] = window.Marks;
    }

    public void Save(Correlator correlator)
    {
        Save(correlator.Changed);
        foreach (SuccessSeen success in correlator.Successes)
            successes[(success.Key, success.Family)] = Math.Max(success.UnixMilliseconds, successes.GetValueOrDefault((success.Key, success.Family), long.MinValue));
        foreach (LoginSeen login in correlator.Logins)
            logins[(login.Key, login.Family, login.User)] = Math.Max(login.UnixMilliseconds, logins.GetValueOrDefault((login.Key, login.Family, login.User), long.MinValue));
    }

    public IReadOnlyList<WindowMark> LoadWindow(in WindowId window) => windows.GetValueOrDefault(window) ?? [];

    public long? LastSuccess(AddressPrefix key, string family) => successes.TryGetValue((key, family), out long at) ? at : null;

    public long? LastLogin(AddressPrefix key, string family, ulong user) => logins.TryGetValue((key, family, user), out long at) ? at : null;

    public long? LastSuccessInside(AddressPrefix network) =>
        successes.Where(s => network.Contains(s.Key.Item1)).Select(s => (long?)s.Value).Max();
}
