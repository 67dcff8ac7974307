namespace RateWall.Netfilter;

/// <summary>A 64-bit FNV-1a over attributes: against accidents, root is not kept from forging it.</summary>
internal struct Fingerprint
{
    private ulong? value;

    /// <summary>What has been added so far.</summary>
    public readonly ulong Value => value ?? 14_695_981_039_346_656_037;

    /// <summary>Adds an attribute's number and bytes.</summary>
    public void Add(ushort type, ReadOnlySpan<byte> payload)
    {
        ulong hash = Mix(Value, (byte)type);
        foreach (byte b in payload) hash = Mix(hash, b);
        value = hash;
    }

    private static ulong Mix(ulong hash, byte value) => unchecked((hash ^ value) * 1_099_511_628_211);
}
