using System.Text;
using FsCheck;
using FsCheck.Fluent;
using RateWall.Detection;

namespace RateWall.UnitTests.Detection;

public sealed class SourceAddressTests
{
    [Theory]
    [InlineData("192.0.2.1", "192.0.2.1")]
    [InlineData("::ffff:192.0.2.1", "192.0.2.1")]
    [InlineData("::FFFF:c000:201", "192.0.2.1")]
    [InlineData("2001:db8::", "2001:db8::")]
    [InlineData("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1")]
    [InlineData("fe80::1%eth0", "fe80::1")]
    [InlineData("IPv6:2001:db8::1", "2001:db8::1")]
    [InlineData("IPv6:::ffff:192.0.2.1", "192.0.2.1")]
    [InlineData("::", "::")]
    [InlineData("64:ff9b::192.0.2.33", "64:ff9b::c000:221")]
    public void TryParse_OfAnAddress_GivesItsCanonicalForm(string text, string canonical)
    {
        Assert.True(SourceAddress.TryParse(Encoding.UTF8.GetBytes(text), out SourceAddress address));
        Assert.Equal(canonical, address.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("127.1")]
    [InlineData("192.0.2.256")]
    [InlineData("192.0.02.1")]
    [InlineData("192.0.2.1.")]
    [InlineData("1.2.3.4.5")]
    [InlineData(":::")]
    [InlineData("1::2::3")]
    [InlineData("1:2:3:4:5:6:7")]
    [InlineData("1:2:3:4:5:6:7:8:9")]
    [InlineData("1:2:3:4:5:6:7::8")]
    [InlineData("12345::")]
    [InlineData(":1::2")]
    [InlineData("1::2:")]
    [InlineData("[2001:db8::1]")]
    [InlineData("host.example.com")]
    [InlineData("192.0.2.1/32")]
    public void TryParse_OfSomethingElse_Refuses(string text) =>
        Assert.False(SourceAddress.TryParse(Encoding.UTF8.GetBytes(text), out _));

    [Fact]
    public void TryParse_OfAnyText_AgreesWithTheCharacterForm()
    {
        Gen<string> pieces = Gen.Elements("0", "1", "25", "255", "256", "ffff", "db8", "10000", ".", ":", "::", "%e", "x", "2001:db8", "192.0.2.1");
        Arbitrary<string> texts = pieces.ListOf().Select(p => string.Concat(p.Take(14))).ToArbitrary();
        Prop.ForAll(texts, text =>
        {
            bool ours = SourceAddress.TryParse(Encoding.UTF8.GetBytes(text), out SourceAddress address);
            bool theirs = SourceAddress.TryParse(text, out SourceAddress expected);
            // The base library also takes eight groups beside a "::"; RFC 4291 and inet_pton do not.
            return ours == theirs ? address == expected : !ours && text.Contains("::", StringComparison.Ordinal);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void TryParse_OfAnyDottedText_TakesWhatIsReadByteByByte()
    {
        Gen<string> parts = Gen.Elements("0", "1", "9", "10", "25", "99", "100", "255", "256", "300", "999", "00", "01", "007", "1000", "", "-1", "1x", ":", "\0", "/");
        Gen<string> texts =
            from count in Gen.Elements(1, 2, 3, 4, 4, 4, 4, 4, 4, 5)
            from all in parts.ArrayOf(count)
            from end in Gen.Elements("", "", "", "", ".", " ")
            select string.Join('.', all) + end;
        Prop.ForAll(texts.ToArbitrary(), text => Agrees(text)).Check(Config.QuickThrowOnFailure.WithMaxTest(20_000));
    }

    [Fact]
    public void TryParse_OfAnAddressWithAnyOneByteChanged_TakesWhatIsReadByteByByte()
    {
        foreach (string address in new[] { "1.2.3.4", "1.2.3.40", "192.0.2.255", "255.255.255.255", "10.200.3.44" })
        {
            for (int at = 0; at < address.Length; at++)
                for (int c = 0; c < 128; c++)
                    Assert.True(Agrees(address[..at] + (char)c + address[(at + 1)..]));
        }
    }

    [Fact]
    public void TryParse_OfEveryAddress_RoundTrips()
    {
        Arbitrary<byte[]> bytes = Gen.Choose(0, 255).Select(b => (byte)b).ArrayOf(16).ToArbitrary();
        Prop.ForAll(bytes, raw =>
        {
            foreach (SourceAddress address in new[] { SourceAddress.FromNetworkOrder(raw), SourceAddress.FromNetworkOrder(raw.AsSpan(0, 4)) })
                if (!SourceAddress.TryParse(Encoding.UTF8.GetBytes(address.ToString()), out SourceAddress back) || back != address) return false;
            return true;
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData("192.0.2.77/24", "192.0.2.0/24")]
    [InlineData("192.0.2.77", "192.0.2.77")]
    [InlineData("2001:db8:1:2:3::4/64", "2001:db8:1:2::/64")]
    [InlineData("::ffff:192.0.2.77/120", "192.0.2.0/24")]
    [InlineData("0.0.0.0/0", "0.0.0.0/0")]
    public void Prefix_OfText_IsCanonical(string text, string canonical) =>
        Assert.Equal(canonical, AddressPrefix.Parse(text).ToString());

    [Theory]
    [InlineData("192.0.2.0/33")]
    [InlineData("192.0.2.0/-1")]
    [InlineData("2001:db8::/129")]
    [InlineData("::ffff:192.0.2.0/90")]
    [InlineData("192.0.2.0/")]
    public void Prefix_OfNonsense_IsRefused(string text) => Assert.False(AddressPrefix.TryParse(text, out _));

    [Fact]
    public void Prefix_HoldsItsMembers_AndNoOtherFamily()
    {
        AddressPrefix wide = AddressPrefix.Parse("192.0.2.0/24"), inner = AddressPrefix.Parse("192.0.2.128/25");
        Assert.True(wide.Contains(inner));
        Assert.False(inner.Contains(wide));
        Assert.True(inner.Overlaps(wide));
        Assert.Equal("192.0.2.255", wide.Last.ToString());
        Assert.False(AddressPrefix.Parse("::/0").Contains(inner.Address));
    }

    [Theory]
    [InlineData("192.0.2.7", "192.0.2.7")]
    [InlineData("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64")]
    [InlineData("fe80::7", "fe80::7")]
    [InlineData("64:ff9b::192.0.2.7", "64:ff9b::c000:207")]
    [InlineData("2001:db8:ff::7", "2001:db8:ff::7")]
    public void Key_OfASource_IsWhatItIsCountedUnder(string source, string key)
    {
        var keys = new SourceKeys([AddressPrefix.Parse("2001:db8:ff::/64")]);
        Assert.True(SourceAddress.TryParse(source, out SourceAddress address));
        Assert.Equal(key, keys.KeyOf(address).ToString());
    }

    // A text that has a ':' or a '%' may be an address of another form.
    private static bool Agrees(string text)
    {
        bool read = SourceAddress.TryParse(Encoding.UTF8.GetBytes(text), out SourceAddress address);
        return text.AsSpan().ContainsAny(':', '%') || (read ? address == Naive(text) : Naive(text) is null);
    }

    private static SourceAddress? Naive(string text)
    {
        string[] parts = text.Split('.');
        bool wellFormed = parts.Length == 4 && parts.All(p => p.Length is > 0 and <= 3 && p.All(char.IsAsciiDigit) && (p == "0" || p[0] != '0') && int.Parse(p) <= 255);
        return wellFormed ? SourceAddress.FromNetworkOrder([.. parts.Select(byte.Parse)]) : null;
    }
}
