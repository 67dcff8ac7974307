using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Policy;

namespace RateWall.IntegrationTests.Wall;

/// <summary>Small policies for tests of the wall alone.</summary>
internal static class SamplePolicy
{
    public static EffectivePolicy Of(params ServicePolicy[] services) => new(
        services,
        [],
        new BanPolicy(TimeSpan.FromMinutes(10), 6, TimeSpan.FromDays(7), TimeSpan.FromDays(30), 1_000_000),
        new TrustPolicy(TimeSpan.FromDays(30), 10),
        []);

    public static ServicePolicy Service(string name, LimitMode mode, int connections, int seconds, params int[] ports) => new(
        name, name is "ssh" or "sieve" ? "ssh" : "mail", Enabled: true, ports,
        new LimitPolicy(mode, connections, TimeSpan.FromSeconds(seconds), 65535, 20),
        new DetectionSet { Failures = new(6, TimeSpan.FromMinutes(10)) }, LogSource.Journal, []);

    public static EffectivePolicy EveryMode { get; } = Of(
        Service("ssh", LimitMode.Window, 6, 60, 22),
        Service("smtp", LimitMode.Bucket, 60, 60, 25),
        Service("imap", LimitMode.Bucket, 7, 90, 143, 993),
        Service("pop3", LimitMode.Quiet, 4, 60, 110, 995),
        Service("sieve", LimitMode.Off, 1, 60, 4190));

    public static EffectivePolicy Allowing(this EffectivePolicy policy, params string[] networks) =>
        policy with { Allow = [.. networks.Select(AddressPrefix.Parse)] };
}
