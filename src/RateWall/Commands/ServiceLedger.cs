using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Policy;
using RateWall.Storage;

namespace RateWall.Commands;

/// <summary>What is remembered of the connections to a service, as every verb takes it up.</summary>
internal static class ServiceLedger
{
    /// <summary>Reads it.</summary>
    /// <param name="service">The service; its connections are only looked at where <see cref="DetectionSettings.LooksAtConnections"/>.</param>
    /// <param name="keys">Makes keys.</param>
    /// <param name="state">The past.</param>
    /// <param name="now">The time.</param>
    public static ConnectionLedger Read(ServicePolicy service, SourceKeys keys, StateDatabase state, DateTimeOffset now) =>
        new(service.Name, keys, state.UserNames(), state, now.ToUnixTimeMilliseconds() - Environment.TickCount64);
}
