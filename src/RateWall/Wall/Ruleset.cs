namespace RateWall.Wall;

/// <summary>The wall as text, and what it declares: all that `apply` needs to know of it.</summary>
/// <param name="Text">The table in the nft language, without elements.</param>
/// <param name="Sets">Declared sets by name.</param>
/// <param name="Chains">Declared chains.</param>
/// <param name="Counters">Declared counters.</param>
public sealed record Ruleset(
    string Text, IReadOnlyDictionary<string, DeclaredSet> Sets, IReadOnlySet<string> Chains, IReadOnlySet<string> Counters)
{
    /// <summary>Where each line of the text was written; empty for a text that no template gave.</summary>
    public IReadOnlyList<TemplateLine> Origins { get; init; } = [];
}

/// <summary>A set as the text declares it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Key">What its keys are made of.</param>
/// <param name="Features">Its NFT_SET_* flags as the kernel reports them, without the ones that follow from others.</param>
/// <param name="Size">The most elements it takes, or null.</param>
/// <param name="Counted">True when each element has a counter.</param>
public sealed record DeclaredSet(string Name, KeyFields Key, SetFeatures Features, uint? Size, bool Counted)
{
    /// <summary>How long its elements live that say nothing else, or null.</summary>
    public TimeSpan? Timeout { get; init; }
}

/// <summary>Set flags (linux/netfilter/nf_tables.h, enum nft_set_flags) that the wall's sets use.</summary>
[Flags]
public enum SetFeatures
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>NFT_SET_INTERVAL.</summary>
    Interval = 0x4,

    /// <summary>NFT_SET_TIMEOUT.</summary>
    Timeout = 0x10,

    /// <summary>NFT_SET_EVAL: rules add to it.</summary>
    Dynamic = 0x20,
}
