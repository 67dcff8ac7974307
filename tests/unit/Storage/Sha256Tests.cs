using System.Security.Cryptography;
using System.Text;
using RateWall.Storage;

namespace RateWall.UnitTests.Storage;

/// <summary>Held against the framework's own.</summary>
public sealed class Sha256Tests
{
    [Fact]
    public void Hash_EveryLengthOfSomeBlocks_IsTheFrameworks()
    {
        byte[] bytes = new byte[1100];
        new Random(256).NextBytes(bytes);
        byte[] hash = new byte[Sha256.Length];
        for (int length = 0; length <= bytes.Length; length++)
        {
            Sha256.Hash(bytes.AsSpan(0, length), hash);
            Assert.Equal(SHA256.HashData(bytes.AsSpan(0, length)), hash);
        }
    }

    // FIPS 180-4's own example.
    [Fact]
    public void Hash_OfAbc_IsThePublishedOne()
    {
        byte[] hash = new byte[Sha256.Length];
        Sha256.Hash(Encoding.ASCII.GetBytes("abc"), hash);
        Assert.Equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", Convert.ToHexStringLower(hash));
    }
}
