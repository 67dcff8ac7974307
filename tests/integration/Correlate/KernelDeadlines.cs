using System.Text.Json;
using RateWall.IntegrationTests.Machine;

namespace RateWall.IntegrationTests.Correlate;

/// <summary>When the bans in the kernel end, in the real nft program's words.</summary>
internal static class KernelDeadlines
{
    public static IReadOnlyDictionary<string, DateTimeOffset> Of(NetworkNamespace network, string set)
    {
        using JsonDocument listing = JsonDocument.Parse(network.Nft("-j", "list", "set", "inet", "ratewall", set));
        DateTimeOffset now = DateTimeOffset.UtcNow;
        var deadlines = new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal);
        foreach (JsonElement entry in listing.RootElement.GetProperty("nftables").EnumerateArray())
        {
            if (!entry.TryGetProperty("set", out JsonElement body) || !body.TryGetProperty("elem", out JsonElement elements)) continue;
            foreach (JsonElement element in elements.EnumerateArray())
            {
                JsonElement inner = element.GetProperty("elem");
                deadlines.Add(Key(inner.GetProperty("val")), now.AddSeconds(inner.GetProperty("expires").GetInt64()));
            }
        }

        return deadlines;
    }

    // "192.0.2.1", "192.0.2.0/24" or "192.0.2.1 . 993".
    private static string Key(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object) return value.ToString();
        return value.TryGetProperty("concat", out JsonElement fields)
            ? string.Join(" . ", fields.EnumerateArray().Select(Key))
            : $"{value.GetProperty("prefix").GetProperty("addr").GetString()}/{value.GetProperty("prefix").GetProperty("len").GetInt32()}";
    }

    /// <summary>nft tells whole seconds, and on a busy machine some pass between reading and asking the clock.</summary>
    public static void AssertEnds(DateTimeOffset expected, DateTimeOffset actual) =>
        Assert.InRange((actual - expected).TotalSeconds, -10, 10);
}
