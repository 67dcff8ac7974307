using Microsoft.Data.Sqlite;
using RateWall.Detection;
using RateWall.Detection.Correlation;
using RateWall.Storage;

namespace RateWall.UnitTests.Storage;

public sealed class DamagedStateTests : IDisposable
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_790_000_000);
    private readonly TemporaryDirectory directory = new();
    private readonly StringWriter warnings = new();
    private readonly SetClock clock = new(Now);

    private string Database => directory.File("state.db");

    public void Dispose()
    {
        directory.Dispose();
        warnings.Dispose();
    }

    [Fact]
    public void Open_NotADatabase_IsSetAsideWhole()
    {
        byte[] text = "this was never a database, and it is long enough to look at"u8.ToArray();
        File.WriteAllBytes(Database, text);
        AssertSetAside(text);
    }

    [Fact]
    public void Open_RandomBytes_AreSetAsideWhole()
    {
        byte[] noise = new byte[65536];
        new Random(1).NextBytes(noise);
        File.WriteAllBytes(Database, noise);
        AssertSetAside(noise);
    }

    [Theory]
    [InlineData("PRAGMA application_id = 1", "another program")]
    [InlineData("PRAGMA user_version = 99", "schema version 99")]
    public void Open_ForeignOrNewer_IsSetAside(string pragma, string why)
    {
        Fill();
        Execute(pragma);
        StateDatabase.Open(directory.Path, clock, warnings).Dispose();
        Assert.Contains(why, warnings.ToString(), StringComparison.Ordinal);
        Assert.Single(Aside());
    }

    [Fact]
    public void Open_TornInHalf_IsSetAside()
    {
        Fill();
        using (FileStream file = File.OpenWrite(Database)) file.SetLength(file.Length / 2);
        StateDatabase.Open(directory.Path, clock, warnings).Dispose();
        Assert.Single(Aside());
    }

    [Fact]
    public void Open_EveryPageOverwrittenInTurn_NeverCrashesNorEmptiesInSilence()
    {
        Fill();
        byte[] sound = File.ReadAllBytes(Database);
        for (int page = 0; page < sound.Length / 4096; page++)
        {
            byte[] damaged = [.. sound];
            damaged.AsSpan(page * 4096, 4096).Fill(0xA5);
            File.WriteAllBytes(Database, damaged);
            clock.Now += TimeSpan.FromHours(2);
            using (StateDatabase state = StateDatabase.Open(directory.Path, clock, warnings))
            {
                Assert.True(state.InForce(Now).Count == 500 || Aside().Length > 0, $"page {page}");
            }

            foreach (string aside in Aside())
            {
                Assert.Equal(damaged.Length, new FileInfo(aside).Length);
                File.Delete(aside);
            }
        }
    }

    [Fact]
    public void Read_DamageMetLater_IsToldAndSetAsideByTheNextRun()
    {
        Fill();
        int page = (int)Number("SELECT rootpage FROM sqlite_schema WHERE name = 'bans_at'") - 1;
        byte[] damaged = File.ReadAllBytes(Database);
        damaged.AsSpan(page * 4096, 4096).Fill(0xA5);
        File.WriteAllBytes(Database, damaged);
        using (StateDatabase state = StateDatabase.Open(directory.Path, clock, warnings))
        {
            Assert.Empty(Aside());
            Assert.Throws<DamagedStateException>(() => state.InForce(Now));
        }

        StateDatabase.Open(directory.Path, clock, warnings).Dispose();
        Assert.Single(Aside());
    }

    [Theory]
    [InlineData("UPDATE bans SET target = 'nobody'", "'nobody' where a network belongs")]
    [InlineData("UPDATE bans SET until = 9223372036854775807", "9223372036854775807 where a time belongs")]
    [InlineData("UPDATE bans SET at = id - 9223372036854775807", "where a time belongs")]
    public void Read_SoundPagesThatMakeNoSense_AreToldAndSetAsideByTheNextRun(string damage, string told)
    {
        Fill();
        Execute(damage);
        using (StateDatabase? state = StateDatabase.OpenReadOnly(directory.Path))
        {
            var e = Assert.Throws<DamagedStateException>(() => state!.InForce(Now));
            Assert.Contains(told, e.Message, StringComparison.Ordinal);
        }

        using (StateDatabase state = StateDatabase.Open(directory.Path, clock, warnings)) Assert.Empty(state.History());
        Assert.Single(Aside());
        StateDatabase.Open(directory.Path, clock, warnings).Dispose();
        Assert.Single(Aside());
    }

    [Fact]
    public void Open_WithoutOneOfItsTables_IsSetAside()
    {
        Fill();
        Execute("DROP TABLE trust");
        StateDatabase.Open(directory.Path, clock, warnings).Dispose();
        Assert.Single(Aside());
        Assert.Contains("has not the tables", warnings.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void OpenReadOnly_NotADatabase_IsToldAndLeftAlone()
    {
        File.WriteAllText(Database, "this was never a database, and it is long enough to look at");
        Assert.Throws<DamagedStateException>(() => StateDatabase.OpenReadOnly(directory.Path));
        Assert.Empty(Aside());
        Assert.True(File.Exists(Database));
    }

    [Fact]
    public void Open_LeftEmptyByAKilledProgram_IsBegunInSilence()
    {
        File.WriteAllText(Database, "");
        StateDatabase.Open(directory.Path, clock, warnings).Dispose();
        Assert.Empty(warnings.ToString());
        Assert.Empty(Aside());
    }

    private void Fill()
    {
        using (StateDatabase state = StateDatabase.Open(directory.Path, clock, warnings))
        {
            StoredBan[] bans =
            [
                .. Enumerable.Range(0, 500).Select(i => new StoredBan(
                    0, AddressPrefix.Parse($"198.51.100.{i % 256}"), "all", "ssh", "failures", Now.AddSeconds(i), Now.AddDays(1), "6 failures at ssh in 10m",
                    6, Now, BanState.Pending)),
            ];
            state.Activate(state.AddPending(bans));
            state.Commit(new() { Source = "a", Cursor = "x", Windows = [new(new WindowId("failures", "ssh", bans[0].Target), [new(1, 0, 0)])] }, [], []);
        }

        Execute("PRAGMA wal_checkpoint(TRUNCATE)");
    }

    private void Execute(string sql) => Number(sql);

    private long Number(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Database};Pooling=False");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // A constant of this test.
        command.CommandText = sql;
#pragma warning restore CA2100
        return command.ExecuteScalar() is long number ? number : 0;
    }

    private string[] Aside() => Directory.GetFiles(directory.Path, "state.db.damaged-*");

    private void AssertSetAside(byte[] content)
    {
        using (StateDatabase state = StateDatabase.Open(directory.Path, clock, warnings)) Assert.Empty(state.History());
        Assert.Equal(content, File.ReadAllBytes(Assert.Single(Aside())));
        Assert.Contains("it was kept as", warnings.ToString(), StringComparison.Ordinal);
    }
}
