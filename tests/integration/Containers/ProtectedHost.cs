using System.Text.Json;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Containers;

/// <summary>RateWall as its operator uses it on a host.</summary>
internal static class ProtectedHost
{
    /// <summary>Begins anew: no wall, no state, this policy, and its wall. What the logs have stays, and the first run reads 24 hours of it.</summary>
    public static void Protect(this Container host, string policy)
    {
        host.Exec("sh", "-c", "ratewall remove && rm -rf /var/lib/ratewall/*").MustSucceed("ratewall remove");
        host.Write("/etc/ratewall/ratewall.yaml", policy);
        host.Exec("ratewall", "apply").MustSucceed("ratewall apply");
    }

    /// <summary>Runs a verb that has to succeed and answers in JSON.</summary>
    public static JsonElement Ask(this Container host, params string[] verb)
    {
        using var document = JsonDocument.Parse(host.Exec(["ratewall", .. verb, "--format", "json"]).MustSucceed($"ratewall {string.Join(' ', verb)}").Out);
        return document.RootElement.Clone();
    }

    /// <summary>Lets it read all that the logs have; the answer of the run.</summary>
    public static JsonElement Correlate(this Container host)
    {
        host.Exec("journalctl", "--sync").MustSucceed("journalctl --sync");
        return host.Ask("correlate");
    }

    /// <summary>The bans in force.</summary>
    public static IReadOnlyList<JsonElement> Bans(this Container host)
    {
        JsonElement answer = host.Ask("list");
        Assert.Equal("ratewall.bans/1", answer.GetProperty("schema").GetString());
        return [.. answer.GetProperty("bans").EnumerateArray()];
    }
}
