using System.Globalization;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using RateWall.Output;

namespace RateWall.UnitTests.Output;

public sealed class TerminalTextTests
{
    [Theory]
    [InlineData("plain text", "plain text")]
    [InlineData("M\u00fcller \u65e5\u672c", "M\u00fcller \u65e5\u672c")]
    [InlineData("\u001b[31mred", "\\x1b[31mred")]
    [InlineData("a\u0000b\u0007", "a\\x00b\\x07")]
    [InlineData("tab\tline\nreturn\r", "tab\\tline\\nreturn\\r")]
    [InlineData("\u009b31m\u007f", "\\x9b31m\\x7f")]
    [InlineData("\u202eevil\u2066", "\\u{202e}evil\\u{2066}")]
    [InlineData("zero\u200bwidth\ufeff", "zero\\u{200b}width\\u{feff}")]
    [InlineData("\u2028", "\\u{2028}")]
    [InlineData("\U000E0041", "\\u{e0041}")]
    public void Escape_Text_IsHarmless(string text, string expected) => Assert.Equal(expected, TerminalText.Escape(text));

    [Fact]
    public void Escape_LoneSurrogate_IsShown() => Assert.Equal("a\\ud800b", TerminalText.Escape("a\ud800b"));

    [Fact]
    public void EscapeLines_LineFeeds_Stay() => Assert.Equal("a\nb\\r\n", TerminalText.EscapeLines("a\nb\r\n"));

    [Fact]
    public void FromBytes_BrokenUtf8_IsShownByteByByte() =>
        Assert.Equal("a\\xff\\xc3(\\x1b\u00e9", TerminalText.FromBytes([0x61, 0xff, 0xc3, 0x28, 0x1b, 0xc3, 0xa9]));

    [Fact]
    public void FromBytes_AnyBytes_HoldNothingThatATerminalObeys() =>
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), bytes => IsHarmless(TerminalText.FromBytes(bytes))
            && IsHarmless(TerminalText.Escape(Encoding.Latin1.GetString(bytes)))
            && IsHarmless(TerminalText.Escape(Encoding.Unicode.GetString(bytes))))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(2_000));

    private static bool IsHarmless(string text) => text.All(c => CharUnicodeInfo.GetUnicodeCategory(c) is not
        (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator));
}
