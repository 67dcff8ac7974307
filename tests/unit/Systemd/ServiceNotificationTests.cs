using RateWall.Systemd;

namespace RateWall.UnitTests.Systemd;

public sealed class ServiceNotificationTests
{
    [Theory]
    [InlineData("reading mail.log", "reading mail.log")]
    [InlineData("user x\nREADY=1", "user x READY=1")]
    [InlineData("a\r\n\0b", "a   b")]
    [InlineData("", "")]
    public void OneLine_OfAnyText_CannotBeginAnotherAssignment(string text, string expected) =>
        Assert.Equal(expected, ServiceNotification.OneLine(text));

    [Fact]
    public void OneLine_OfALongText_IsCut() =>
        Assert.Equal(ServiceNotification.MaxStatusLength, ServiceNotification.OneLine(new string('x', 100_000)).Length);

    [Fact]
    public void First_WithoutTheLibrary_NamesThePackage()
    {
        var e = Assert.Throws<SystemdException>(() => LibSystemd.First("opening the journal", () => throw new DllNotFoundException()));

        Assert.StartsWith("opening the journal: ", e.Message, StringComparison.Ordinal);
        Assert.Contains("libsystemd0", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_OfANegativeErrno_IsTheSystemsText()
    {
        var e = Assert.Throws<SystemdException>(() => LibSystemd.Check("opening the journal", -LibSystemd.EACCES));

        Assert.Equal(13, e.Errno);
        Assert.Contains("Permission denied", e.Message, StringComparison.Ordinal);
    }
}
