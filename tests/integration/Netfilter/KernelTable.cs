using System.Net;
using RateWall.IntegrationTests.Machine;
using RateWall.Netfilter;

namespace RateWall.IntegrationTests.Netfilter;

/// <summary>A namespace with one table, `inet t`, loaded by the real nft, and a client on its kernel side.</summary>
public sealed class KernelTable : IDisposable
{
    public static readonly TableName Name = new(NetfilterFamily.Inet, "t");

    public KernelTable(string sets)
    {
        Namespace = new NetworkNamespace();
        try
        {
            Namespace.NftLoad($"table inet t {{\n{sets}\n}}\n");
            Client = Namespace.Run(NftablesClient.Open);
        }
        catch
        {
            Namespace.Dispose();
            throw;
        }
    }

    public NetworkNamespace Namespace { get; }

    public NftablesClient Client { get; }

    public static byte[] Key(string address) => IPAddress.Parse(address).GetAddressBytes();

    public static SetElement Element(string first, string? last = null, TimeSpan? timeout = null, TimeSpan? expires = null) => new()
    {
        Key = Key(first),
        LastKey = last is null ? default : Key(last),
        Timeout = timeout,
        Expires = expires,
    };

    public static ElementChange Add(string set, SetElement element) => new(ElementOperation.Add, set, element);

    public static ElementChange Delete(string set, SetElement element) => new(ElementOperation.Delete, set, element);

    public void Commit(params ElementChange[] changes) => Client.Commit(Name, changes);

    public SetElement? Get(string set, string key) => Client.GetElement(Name, set, Key(key));

    /// <summary>A set as the real nft lists it, on one line.</summary>
    public string Listed(string set) =>
        string.Join(' ', Namespace.Nft("list", "set", "inet", "t", set).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    public void Dispose()
    {
        Client.Dispose();
        Namespace.Dispose();
    }
}
