using RateWall.Wall;

namespace RateWall.UnitTests.Wall;

public sealed class NftTemplateTests
{
    [Fact]
    public void Fill_NamesLoopsAndConditions_ArePutInPlace()
    {
        var values = new TemplateValues { ["who"] = "ssh", ["yes"] = "1", ["no"] = "", ["block"] = "    inserted\n" }
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
            """).Fill(values);
        Assert.Equal("chain ssh {\n  @h1 ssh1\n  kept\n  @h2 ssh2\n  kept\n    inserted\n}\n", text);
    }

    [Theory]
    [InlineData("a\n${nothing}", "t.nft:2: there is no 'nothing' to fill in here")]
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
}
