using RateWall.Wall;

namespace RateWall.UnitTests.Wall;

public sealed class NftTemplateTests
{
    [Fact]
    public void Fill_NamesLoopsAndConditions_ArePutInPlace()
    {
        var values = new TemplateValues { ["who"] = "ssh", ["yes"] = "1", ["no"] = "" }
            .AddInsert("block", new NftTemplate("b.nft", "    inserted").Fill(new TemplateValues()))
            .AddList("slots", [new TemplateValues { ["slot"] = "1" }, new TemplateValues { ["slot"] = "2" }])
            .AddList("none", []);
        string text = new NftTemplate("t.nft", """
            chain ${who} {
            #: for slot in slots
              @h${slot} ${who}${slot}
            #: if yes
              kept
            #: end
            #: end
            #: if no
              ${unknown}
            #: for slot in slots
              hidden
            #: end
            #: end
            #: for slot in none
              never
            #: end
            #: insert block
            }
            """).Fill(values).ToString();
        Assert.Equal("chain ssh {\n  @h1 ssh1\n  kept\n  @h2 ssh2\n  kept\n    inserted\n}\n", text);
    }

    [Theory]
    [InlineData("a\n${nothing}", "t.nft:2: there is no 'nothing' to fill in here; there are who")]
    [InlineData("a\n${whom}", "t.nft:2: there is no 'whom' to fill in here; did you mean 'who'?")]
    [InlineData("#: insert who", "t.nft:1: there is nothing called 'who' to insert here")]
    [InlineData("#: if who\nx", "t.nft:2: a '#: for' or '#: if' has no '#: end'")]
    [InlineData("#: end", "t.nft:1: '#: end' is none of")]
    [InlineData("#: for x in nowhere\n#: end", "t.nft:1: there is no list 'nowhere'")]
    [InlineData("${who", "t.nft:1: '${' without '}'")]
    public void Fill_WrongTemplate_NamesFileAndLine(string template, string message)
    {
        var values = new TemplateValues { ["who"] = "ssh" };
        TemplateException e = Assert.Throws<TemplateException>(() => new NftTemplate("t.nft", template).Fill(values));
        Assert.StartsWith(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fill_LoopsAndInserts_KeepTheOriginOfEachLine()
    {
        TemplateValues values = new TemplateValues()
            .AddList("slots", [new TemplateValues { ["slot"] = "1" }, new TemplateValues { ["slot"] = "2" }])
            .AddInsert("block", new NftTemplate("b.nft", "x\ny").Fill(new TemplateValues()));
        FilledText filled = new NftTemplate("t.nft", "one\n#: for slot in slots\n${slot}\n#: end\n#: insert block\nlast").Fill(values);
        Assert.Equal("one\n1\n2\nx\ny\nlast\n", filled.ToString());
        Assert.Equal(
            [new("t.nft", 1), new("t.nft", 3), new("t.nft", 3), new("b.nft", 1), new("b.nft", 2), new("t.nft", 6)],
            filled.Lines);
    }
}
