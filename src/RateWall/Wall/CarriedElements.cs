using System.Globalization;
using System.Text;
using RateWall.Netfilter;

namespace RateWall.Wall;

/// <summary>
/// A set that is declared with another key or kind has to go and come anew, in one transaction; its elements move over with
/// what is left of their time, and with their counters, as far as the new set can hold them.
/// </summary>
internal static class CarriedElements
{
    /// <summary>
    /// The most elements of a set that go through text; what a larger set of bans held comes from the history right after.
    /// libnftables holds some 600 bytes for each element of it (measured with libnftables 1.0.6: 34 MB for 50,000, 119 MB for
    /// 200,000, 574 MB for a million).
    /// </summary>
    public const int Most = 8_000;

    /// <summary>
    /// The most of all sets: a transaction of rules is 4 MB long at most, and an interval of IPv6 with counter and deadline takes
    /// 140 bytes of it.
    /// </summary>
    public const int MostTogether = 24_000;

    /// <summary>True when the elements mean the same in both sets. What rules add is lost: it lives for seconds.</summary>
    public static bool CanMove(SetDescription present, DeclaredSet wanted) =>
        present.KeyType == wanted.Key.Number && present.KeyLength == wanted.Key.Length
        && (present.Flags & (uint)SetFeatures.Dynamic) == 0 && !wanted.Features.HasFlag(SetFeatures.Dynamic);

    /// <summary>Appends the command, in the nft language, that adds them to the new set; nothing when there are none.</summary>
    public static void Append(StringBuilder text, DeclaredSet wanted, IEnumerable<SetElement> elements)
    {
        bool any = false;
        foreach (SetElement element in elements)
        {
            if (!Fits(wanted, element)) continue;
            if (any) text.Append(",\n");
            else text.Append(CultureInfo.InvariantCulture, $"add element {WallTable.Nft} {wanted.Name} {{ ");
            AppendElement(text, wanted, element);
            any = true;
        }

        if (any) text.Append(" }\n");
    }

    // Nobody may be held for longer than he was: an element that ends moves only where it will end too.
    private static bool Fits(DeclaredSet wanted, SetElement element) =>
        (element.Timeout is null || (wanted.Features.HasFlag(SetFeatures.Timeout) && element.Expires is not { Ticks: <= 0 }))
        && (wanted.Features.HasFlag(SetFeatures.Interval) || element.LastKey.IsEmpty || element.LastKey.Span.SequenceEqual(element.Key.Span));

    private static void AppendElement(StringBuilder text, DeclaredSet wanted, SetElement element)
    {
        text.Append(wanted.Key.Text(element.Key.Span, element.LastKey.Span));
        if (wanted.Counted)
            text.Append(CultureInfo.InvariantCulture, $" counter packets {element.Packets ?? 0} bytes {element.Bytes ?? 0}");
        if (element.Timeout is { } timeout) AppendTime(text.Append(" timeout "), timeout);
        if (element.Expires is { } expires) AppendTime(text.Append(" expires "), expires);
    }

    private static void AppendTime(StringBuilder text, TimeSpan time) => text.Append(
        CultureInfo.InvariantCulture, $"{time.Days}d{time.Hours}h{time.Minutes}m{time.Seconds}s{time.Milliseconds}ms");
}
