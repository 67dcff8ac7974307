using RateWall.Detection.Correlation;

namespace RateWall.UnitTests.Detection;

public sealed class UserNamesTests
{
    private static readonly byte[] Key = [.. Enumerable.Range(0, 16).Select(i => (byte)i)];

    // The test value of the paper's appendix A, and the first of the reference implementation's vectors.
    [Theory]
    [InlineData(15, 0xa129ca6149be45e5)]
    [InlineData(0, 0x726fdb47dd0e0e31)]
    [InlineData(1, 0x74f839c593dc67fd)]
    [InlineData(2, 0x0d6c8009d9a94f5a)]
    [InlineData(3, 0x85676696d7fb7e2d)]
    [InlineData(4, 0xcf2794e0277187b7)]
    [InlineData(5, 0x18765564cd99a68d)]
    [InlineData(6, 0xcbc9466e58fee3ce)]
    [InlineData(7, 0xab0200f58b01d137)]
    [InlineData(8, 0x93f5f5799a932462)]
    public void Hash_BytesOfThePaper_IsSipHash24(int length, ulong expected) =>
        Assert.Equal(expected, new UserNames(Key).Hash([.. Enumerable.Range(0, length).Select(i => (byte)i)]));

    [Fact]
    public void HashOf_OneNameInTwoCases_IsOne()
    {
        var names = new UserNames(Key);
        Assert.Equal(names.HashOf("Alice@Example.ORG"u8), names.HashOf("alice@example.org"u8));
        Assert.NotEqual(names.HashOf("alice"u8), names.HashOf("alicf"u8));
        // Only ASCII letters have a case: '[' is not '{', 0xC1 is not 0xE1.
        for (int b = 0; b < 256; b++)
        {
            byte[] one = [(byte)b, 0], other = [(byte)(b ^ 0x20), 0];
            Assert.Equal(char.IsAsciiLetter((char)b), names.HashOf(one) == names.HashOf(other));
        }
    }

    [Fact]
    public void HashOf_AnyName_IsEvenAndNotZero()
    {
        var names = UserNames.Passing();
        for (int i = 0; i < 2000; i++)
        {
            ulong hash = names.HashOf(BitConverter.GetBytes(i));
            Assert.True(hash != 0 && hash % 2 == 0);
        }

        Assert.Equal(0UL, names.HashOf([]));
    }

    [Fact]
    public void HashOf_NameBeyondTheLimit_IsThatOfItsBeginning()
    {
        var names = new UserNames(Key);
        byte[] name = new byte[UserNames.MaxName + 100];
        Assert.Equal(names.HashOf(name.AsSpan(0, UserNames.MaxName)), names.HashOf(name));
    }

    [Fact]
    public void HashOf_OnAnotherHost_IsAnother() =>
        Assert.NotEqual(UserNames.Passing().HashOf("root"u8), UserNames.Passing().HashOf("root"u8));
}
