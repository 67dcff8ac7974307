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
    /// <summary>The most elements that go through text; what a larger set of bans held comes from the history right after.</summary>
    public const int Most = 50_000;

    /// <summary>True when the elements mean the same in both sets. What rules add is lost: it lives for seconds.</summary>
    public static bool CanMove(SetDescription present, DeclaredSet wanted) =>
        present.KeyType == wanted.Key.Number && present.KeyLength == wanted.Key.Length
        && (present.Flags & (uint)SetFeatures.Dynamic) == 0 && !wanted.Features.HasFlag(SetFeatures.Dynamic);

    /// <summary>The command, in the nft language, that adds them to the new set; empty when there are none.</summary>
    public static string Command(DeclaredSet wanted, IEnumerable<SetElement> elements)
    {
        string list = string.Join(",\n", elements.Where(e => Fits(wanted, e)).Select(e => Element(wanted, e)));
        return list.Length == 0 ? "" : $"add element {WallTable.Nft} {wanted.Name} {{ {list} }}\n";
    }

    // Nobody may be held for longer than he was: an element that ends moves only where it will end too.
    private static bool Fits(DeclaredSet wanted, SetElement element) =>
        (element.Timeout is null || (wanted.Features.HasFlag(SetFeatures.Timeout) && element.Expires is not { Ticks: <= 0 }))
        && (wanted.Features.HasFlag(SetFeatures.Interval) || element.LastKey.IsEmpty || element.LastKey.Span.SequenceEqual(element.Key.Span));

    private static string Element(DeclaredSet wanted, SetElement element)
    {
        var text = new StringBuilder(wanted.Key.Text(element.Key.Span, element.LastKey.Span));
        if (wanted.Counted)
            text.Append(CultureInfo.InvariantCulture, $" counter packets {element.Packets ?? 0} bytes {element.Bytes ?? 0}");
        if (element.Timeout is { } timeout) text.Append(" timeout ").Append(Time(timeout));
        if (element.Expires is { } expires) text.Append(" expires ").Append(Time(expires));
        return text.ToString();
    }

    private static string Time(TimeSpan time) => string.Create(
        CultureInfo.InvariantCulture, $"{time.Days}d{time.Hours}h{time.Minutes}m{time.Seconds}s{time.Milliseconds}ms");
}
