using RateWall.Output;

namespace RateWall.UnitTests.Output;

public sealed class AnswerTableTests
{
    private static readonly string Long = new('x', 300);

    [Fact]
    public void Table_Piped_IsAlignedAndNeverCut()
    {
        string[] lines = Print(Sample(Long), Terminal.None).Split('\n');
        Assert.Equal("NAME     COUNT  NOTE", lines[0]);
        Assert.Equal("ssh          7  fine", lines[1]);
        Assert.Equal($"\\x1b[2J  12345  {Long}", lines[2]);
    }

    [Fact]
    public void Table_WideTerminalWithoutColours_IsThePlainForm() =>
        Assert.Equal(Print(Sample("ok"), Terminal.None), Print(Sample("ok"), new Terminal(true, false, 100)));

    [Fact]
    public void Table_NarrowTerminal_WrapsWithinItsWidth()
    {
        string text = Print(Sample(Long), new Terminal(true, false, 40));
        Assert.All(text.Split('\n'), line => Assert.True(line.Length <= 40, line));
        Assert.Equal(300 + 1, text.Count('x')); // one more in \x1b
        Assert.DoesNotContain('\u001b', text);
    }

    [Fact]
    public void Table_Colours_AreOnlyItsOwn()
    {
        var table = new AnswerTable("NAME");
        table.Add(new Cell("\u001b[5mdown [red]", Tone.Bad));
        string text = Print(table, new Terminal(true, true, 80));
        Assert.Contains("\\x1b[5mdown [red]", text, StringComparison.Ordinal);
        Assert.Contains("\u001b[", text, StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b[5m", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Table_RowOfAnotherWidth_IsRefused() =>
        Assert.Throws<ArgumentException>(() => new AnswerTable("A", "B").Add("only one"));

    [Theory]
    [InlineData(1000)]
    [InlineData(1001)]
    public void WriteEach_MoreRowsThanAreHeld_PrintsTheSame(int more)
    {
        AnswerTable held = Sample("ok");
        for (int i = 0; i < more; i++) held.Add($"service {i}", $"{i}", "fine");
        using var output = new StringWriter { NewLine = "\n" };

        bool any = new AnswerTable("NAME", ">COUNT", "NOTE").WriteEach(output, Terminal.None, row =>
        {
            row(["ssh", "7", "fine"]);
            row(["\u001b[2J", "12345", "ok"]);
            for (int i = 0; i < more; i++) row([$"service {i}", $"{i}", "fine"]);
        });

        Assert.True(any);
        Assert.Equal(Print(held, Terminal.None), output.ToString());
    }

    [Fact]
    public void WriteEach_NoRow_PrintsNothing()
    {
        using var output = new StringWriter();
        Assert.False(new AnswerTable("NAME").WriteEach(output, Terminal.None, _ => { }));
        Assert.Equal("", output.ToString());
    }

    [Theory]
    [InlineData(null, "xterm", true)]
    [InlineData("", "xterm", true)]
    [InlineData("1", "xterm", false)]
    [InlineData(null, "dumb", false)]
    [InlineData(null, null, false)]
    public void Colours_Environment_Decides(string? noColor, string? term, bool expected) =>
        Assert.Equal(expected, Terminal.WantsColours(name => name == "NO_COLOR" ? noColor : term));

    private static AnswerTable Sample(string note)
    {
        var table = new AnswerTable("NAME", ">COUNT", "NOTE");
        table.Add("ssh", "7", "fine");
        table.Add("\u001b[2J", "12345", note);
        return table;
    }

    private static string Print(AnswerTable table, Terminal terminal)
    {
        using var output = new StringWriter { NewLine = "\n" };
        table.WriteTo(output, terminal);
        return output.ToString();
    }
}
