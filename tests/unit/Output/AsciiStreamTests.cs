using System.Text.Json;
using RateWall.Output;

namespace RateWall.UnitTests.Output;

public sealed class AsciiStreamTests
{
    [Fact]
    public void Write_OfALongAnswerWithEveryKindOfCharacter_IsTheTextAsAWhole()
    {
        ChangeItemForm[] items = [.. Enumerable.Range(0, 3000).Select(i => new ChangeItemForm($"192.0.2.{i % 256}", "unbanned", Note: $"{i} \u001b ä € \U0001F600 \u007f"))];
        var form = new ChangeForm("clear", true, items);
        using var written = new StringWriter();
        AnswerJson.Write(written, form, AnswerJson.Default.ChangeForm);
        Assert.Equal(JsonSerializer.Serialize(form, AnswerJson.Default.ChangeForm) + written.NewLine, written.ToString());
    }

    [Fact]
    public void Write_OfWhatIsNotAscii_IsRefused()
    {
        using var text = new StringWriter();
        using var stream = new AsciiStream(text);
        stream.Write("ratewall"u8);
        Assert.Throws<ArgumentException>(() => stream.Write("é"u8));
        Assert.Equal("ratewall", text.ToString());
    }
}
