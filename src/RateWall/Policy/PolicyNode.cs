namespace RateWall.Policy;

/// <summary>A piece of a policy file with the place it was written at. What it means is decided later.</summary>
/// <param name="Origin">Where it starts.</param>
internal abstract record PolicyNode(ValueOrigin Origin);

/// <summary>One value.</summary>
/// <param name="Origin">Where it starts.</param>
/// <param name="Text">Its text, unquoted; hostile until escaped.</param>
/// <param name="IsPlain">True when it stood there without quotes.</param>
internal sealed record ScalarNode(ValueOrigin Origin, string Text, bool IsPlain) : PolicyNode(Origin)
{
    /// <summary>True for a key without a value, "~" and "null".</summary>
    public bool IsNothing => IsPlain && Text is "" or "~" or "null" or "Null" or "NULL";

    /// <summary>True for an unquoted "off" in any of YAML's spellings of false.</summary>
    public bool IsOff => IsPlain && Text is "off" or "Off" or "OFF" or "false" or "False" or "FALSE" or "no" or "No" or "NO";

    /// <summary>True for an unquoted "on" in any of YAML's spellings of true.</summary>
    public bool IsOn => IsPlain && Text is "on" or "On" or "ON" or "true" or "True" or "TRUE" or "yes" or "Yes" or "YES";
}

/// <summary>A list of values.</summary>
internal sealed record ListNode(ValueOrigin Origin, IReadOnlyList<PolicyNode> Items) : PolicyNode(Origin);

/// <summary>A key and its value.</summary>
/// <param name="Key">The key's text; hostile until escaped.</param>
/// <param name="KeyOrigin">Where the key starts.</param>
/// <param name="Value">The value.</param>
internal sealed record MapEntry(string Key, ValueOrigin KeyOrigin, PolicyNode Value);

/// <summary>Keys with values; no key stands there twice.</summary>
internal sealed record MapNode(ValueOrigin Origin, IReadOnlyList<MapEntry> Entries) : PolicyNode(Origin)
{
    /// <summary>The value of a key, or null.</summary>
    public PolicyNode? Find(string key) => FindEntry(key)?.Value;

    /// <summary>The entry of a key, or null.</summary>
    public MapEntry? FindEntry(string key)
    {
        foreach (MapEntry entry in Entries)
            if (entry.Key == key) return entry;
        return null;
    }

    /// <summary>
    /// This map with another laid over it: maps merge key by key, everything else is replaced. A key without a value
    /// leaves a map below it as it is, so that a section may have all its lines commented out; except
    /// where the reader could take it for "off".
    /// </summary>
    public MapNode With(MapNode over)
    {
        var merged = new List<MapEntry>(Entries);
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int i = 0; i < merged.Count; i++) places[merged[i].Key] = i;
        foreach (MapEntry entry in over.Entries)
        {
            if (places.TryGetValue(entry.Key, out int place)) merged[place] = Laid(merged[place], entry);
            else merged.Add(entry);
        }

        // The upper map's place is what a problem of the merged whole should point at, unless it adds nothing.
        return new MapNode(over.Entries.Count > 0 ? over.Origin : Origin, merged);
    }

    private static MapEntry Laid(MapEntry below, MapEntry above)
    {
        if (below.Value is not MapNode map) return above;
        if (above.Value is MapNode over) return above with { Value = map.With(over) };
        bool leaves = above.Value is ScalarNode { IsNothing: true } && above.Key is not ("log" or "trusted") && !DetectionReader.Keys.Contains(above.Key);
        return leaves ? below : above;
    }
}
