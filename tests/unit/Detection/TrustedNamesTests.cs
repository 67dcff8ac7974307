using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Storage;

namespace RateWall.UnitTests.Detection;

/// <summary>How many names a school mistypes in an hour: what the built-in threshold of trusted sources has to bear.</summary>
public sealed class TrustedNamesTests
{
    private const int Mornings = 1000;
    private static readonly DateTimeOffset Monday = new(2026, 1, 5, 7, 30, 0, TimeSpan.Zero);

    // docs/policy.md tells these numbers. Of 500 users 3 in 100 slip, within an hour.
    [Theory]
    [InlineData(10, 50, 224)]
    [InlineData(10, 100, 926)]
    [InlineData(20, 50, 0)]
    [InlineData(20, 100, 118)]
    [InlineData(30, 50, 0)]
    [InlineData(30, 100, 0)]
    public void School_MorningsOnWhichItMistypesSoManyNames_AreAsDocumented(int threshold, int percentInNames, int expected)
    {
        var users = new UsersThreshold(new(5, TimeSpan.FromMinutes(10)), new(threshold, TimeSpan.FromHours(1)));
        var random = new Random(7);
        int banned = 0;
        for (int morning = 0; morning < Mornings; morning++)
        {
            var correlator = new Correlator(
                [new("imap", "mail", new() { Users = users })], SourceKeys.Default, new MemoryState(), UserNames.Passing(), TimeSpan.FromDays(30));
            List<Offence> offences = [];
            Observe(Monday.AddHours(-1), AttemptKind.Success, "somebody"u8);
            int[] slips = [.. Enumerable.Range(0, 500).Where(_ => random.Next(100) < 3 && random.Next(100) < percentInNames).Select(_ => random.Next(3600)).Order()];
            for (int i = 0; i < slips.Length; i++) Observe(Monday.AddSeconds(slips[i]), AttemptKind.Failure, System.Text.Encoding.ASCII.GetBytes($"usre{i}"));
            if (offences.Count > 0) banned++;

            void Observe(DateTimeOffset at, AttemptKind kind, ReadOnlySpan<byte> user) => correlator.Observe(
                new Attempt
                {
                    UnixMilliseconds = at.ToUnixTimeMilliseconds(),
                    Service = "imap",
                    Kind = kind,
                    HasSource = true,
                    Source = AddressPrefix.Parse("198.51.100.20").Address,
                    User = user,
                    Count = 1,
                    Rule = "test",
                },
                offences);
        }

        Assert.Equal(expected, banned);
    }
}
