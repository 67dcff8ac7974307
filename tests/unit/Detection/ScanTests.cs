using RateWall.Detection.Logs;

namespace RateWall.UnitTests.Detection;

/// <summary>What is looked for in blocks is where the base library finds it, and what stands behind the text is never found.</summary>
public sealed class ScanTests
{
    [Fact]
    public void FirstAndLast_OfAnyText_AreWhereTheBaseLibraryFindsThem()
    {
        var random = new Random(17);
        for (int i = 0; i < 200_000; i++)
        {
            (byte[] block, int length) = Text(random);
            ReadOnlySpan<byte> text = block.AsSpan(0, length);
            int from = random.Next(length + 1), limit = random.Next(from, length + 1);
            byte[] wanted = Wanted(random, block);
            var literal = new Literal(wanted);
            int first = text[from..limit].IndexOf(wanted), last = text[from..limit].LastIndexOf(wanted);
            Assert.Equal(first < 0 ? -1 : from + first, Scan.First(text, from, limit, literal));
            Assert.Equal(last < 0 ? -1 : from + last, Scan.Last(text, from, limit, literal));
        }
    }

    [Fact]
    public void Run_WhateverIsGuessed_IsThatByteByByte()
    {
        var random = new Random(18);
        for (int i = 0; i < 200_000; i++)
        {
            (byte[] block, int length) = Text(random);
            if (length == 0) continue;
            ReadOnlySpan<byte> text = block.AsSpan(0, length);
            ByteClass members = ByteClass.All[random.Next(ByteClass.All.Count)];
            int at = random.Next(length), end = at;
            while (end < length && members.Holds(text[end])) end++;
            int expected = end - at <= members.Max ? end - at : 0;
            Assert.Equal(expected, members.Run(text, at));
            Assert.Equal(expected, members.Run(text, at, end));
            Assert.Equal(expected, members.Run(text, at, at + random.Next(300)));
        }
    }

    [Fact]
    public void GuessStart_IsWhereSoManyGapsFollow()
    {
        var random = new Random(19);
        for (int i = 0; i < 50_000; i++)
        {
            (byte[] block, int length) = Text(random);
            ReadOnlySpan<byte> text = block.AsSpan(0, length);
            Boundaries bounds = default;
            bounds.Read(text);
            int wanted = random.Next(1, 9), start = length, left = wanted;
            while (start > 0 && left > 0)
                if (!ByteClass.AnyWord.Holds(text[--start])) left--;
            Assert.Equal(left > 0 || length > 256 ? -1 : start, bounds.GuessStart(length, wanted));
        }
    }

    // Few different bytes, so that much is nearly found; as many lengths as blocks have edges.
    private static (byte[] Block, int Length) Text(Random random)
    {
        int length = random.Next(10) == 0 ? random.Next(600) : random.Next(100);
        byte[] block = new byte[length + Scan.Readable];
        ReadOnlySpan<byte> few = "ab 1:.[=,"u8;
        int many = random.Next(2, few.Length + 1);
        for (int i = 0; i < block.Length; i++) block[i] = few[random.Next(many)];
        return (block, length);
    }

    private static byte[] Wanted(Random random, byte[] block)
    {
        int length = Math.Min(random.Next(20), block.Length), at = random.Next(block.Length - length + 1);
        return block[at..(at + length)];
    }
}
