using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using RateWall.Storage;

namespace RateWall.UnitTests.Storage;

public sealed partial class LogFileSourceTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();
    private readonly StringWriter warnings = new();
    private string? cursor;

    private string Log => directory.File("auth.log");

    public void Dispose()
    {
        directory.Dispose();
        warnings.Dispose();
    }

    [Fact]
    public void Run_NewLines_AreReadOnce()
    {
        File.WriteAllText(Log, "one\ntwo\n");
        Assert.Equal(["one", "two"], Run());
        Assert.Empty(Run());
        File.AppendAllText(Log, "three\n");
        Assert.Equal(["three"], Run());
    }

    [Fact]
    public void Run_HalfWrittenLine_IsLeftUntilItIsWhole()
    {
        File.WriteAllText(Log, "one\nhal");
        Assert.Equal(["one"], Run());
        File.AppendAllText(Log, "f\n");
        Assert.Equal(["half"], Run());
    }

    [Fact]
    public void Run_OnlyAHalfLine_IsLeftUntilItIsWhole()
    {
        File.WriteAllText(Log, "hal");
        Assert.Empty(Run());
        File.AppendAllText(Log, "f\n");
        Assert.Equal(["half"], Run());
    }

    [Fact]
    public void Run_HalfALineThenRotatedAndCompressed_ReadsItWhole()
    {
        File.WriteAllText(Log, "one\n");
        Assert.Equal(["one"], Run());
        File.Move(Log, Log + ".1");
        File.WriteAllText(Log, "hal");
        Assert.Empty(Run());
        File.AppendAllText(Log, "f\n");
        Compress(Log + ".1", Log + ".2.gz");
        Compress(Log, Log + ".1.gz");
        File.Delete(Log + ".1");
        File.Delete(Log);
        File.WriteAllText(Log, "new\n");
        Assert.Equal(["half", "new"], Run());
        Assert.Empty(Run());
        Assert.Empty(warnings.ToString());
    }

    [Fact]
    public void Run_FirstFileOfAllCompressedBeforeItHadALine_SaysThatLinesMayBeMissing()
    {
        File.WriteAllText(Log, "hal");
        Assert.Empty(Run());
        File.AppendAllText(Log, "f\n");
        Compress(Log, Log + ".1.gz");
        // Kept under a name that is none of rotation's, so that the new file cannot get its inode.
        File.Move(Log, Log + "-kept");
        File.WriteAllText(Log, "new\n");
        Assert.Equal(["new"], Run());
        Assert.Contains("was replaced", warnings.ToString(), StringComparison.Ordinal);
        string said = warnings.ToString();
        Assert.Empty(Run());
        Assert.Equal(said, warnings.ToString());
    }

    [Fact]
    public void Run_EmptyFile_IsReadFromItsStartLater()
    {
        File.WriteAllText(Log, "");
        Assert.Empty(Run());
        File.AppendAllText(Log, "one\n");
        Assert.Equal(["one"], Run());
    }

    [Theory]
    [InlineData("auth.log.1")]
    [InlineData("auth.log-20260102")]
    [InlineData("auth.log-20260102-1767312000")]
    public void Run_RenamedFile_ReadsItsRestFirst(string rotated)
    {
        File.WriteAllText(Log, "one\n");
        Assert.Equal(["one"], Run());
        File.AppendAllText(Log, "two\n");
        File.Move(Log, directory.File(rotated));
        File.WriteAllText(Log, "three\n");
        Assert.Equal(["two", "three"], Run());
        Assert.Empty(Run());
        Assert.Empty(warnings.ToString());
    }

    [Theory]
    [InlineData("auth.log.1.gz")]
    [InlineData("auth.log-20260102.gz")]
    public void Run_CompressedFile_ReadsItsRestFirst(string rotated)
    {
        File.WriteAllText(Log, Lines("a", 5000));
        Assert.Equal(5000, Run().Count);
        File.AppendAllText(Log, "rest\n");
        Compress(Log, directory.File(rotated));
        File.Delete(Log);
        File.WriteAllText(Log, "new\n");
        Assert.Equal(["rest", "new"], Run());
        Assert.Empty(Run());
    }

    [Fact]
    public void Run_SeveralRotationsSinceTheLastRun_ReadsThemInOrder()
    {
        File.WriteAllText(Log, "one\n");
        Assert.Equal(["one"], Run());
        File.AppendAllText(Log, "two\n");
        Compress(Log, directory.File("auth.log.3.gz"));
        File.WriteAllText(directory.File("auth.log.2"), "three\n");
        File.WriteAllText(directory.File("auth.log.1"), "four\n");
        File.Delete(Log);
        File.WriteAllText(Log, "five\n");
        Assert.Equal(["two", "three", "four", "five"], Run());
        Assert.Empty(Run());
    }

    [Fact]
    public void Run_RotatedAndNewFileStillEmpty_GoesOnReadingTheOldOne()
    {
        File.WriteAllText(Log, "one\n");
        Assert.Equal(["one"], Run());
        File.Move(Log, directory.File("auth.log.1"));
        File.WriteAllText(Log, "");
        Assert.Empty(Run());
        // The daemon had not yet been told to open the new file.
        File.AppendAllText(directory.File("auth.log.1"), "late\n");
        Assert.Equal(["late"], Run());
        File.AppendAllText(Log, "new\n");
        Assert.Equal(["new"], Run());
    }

    [Fact]
    public void Run_RotatedFileWithoutLastNewline_CountsItsLastLine()
    {
        File.WriteAllText(Log, "one\ntail");
        Assert.Equal(["one"], Run());
        File.Move(Log, directory.File("auth.log.1"));
        File.WriteAllText(Log, "new\n");
        Assert.Equal(["tail", "new"], Run());
        Assert.Empty(Run());
    }

    [Theory]
    [InlineData("new\n")]
    [InlineData("a much longer first line of the file that was truncated in place\n")]
    public void Run_CopiedAndTruncated_ReadsTheCopysRestThenTheFile(string fresh)
    {
        File.WriteAllText(Log, "one\ntwo\n");
        Assert.Equal(["one", "two"], Run());
        File.AppendAllText(Log, "three\n");
        File.Copy(Log, directory.File("auth.log.1"));
        File.WriteAllText(Log, fresh);
        Assert.Equal(["three", fresh.TrimEnd()], Run());
        Assert.Empty(Run());
    }

    [Fact]
    public void Run_TruncatedWithoutACopy_StartsAnewAndSaysSo()
    {
        File.WriteAllText(Log, "one\ntwo\n");
        Run();
        File.WriteAllText(Log, "new\n");
        Assert.Equal(["new"], Run());
        Assert.Contains("cannot be found", warnings.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Run_VanishedFile_KeepsItsPlace()
    {
        File.WriteAllText(Log, "one\n");
        Run();
        File.Move(Log, directory.File("elsewhere"));
        Assert.Empty(Run());
        Assert.Contains("is not there", warnings.ToString(), StringComparison.Ordinal);
        File.Move(directory.File("elsewhere"), Log);
        File.AppendAllText(Log, "two\n");
        Assert.Equal(["two"], Run());
    }

    [Fact]
    public void Run_LineOfTenMegabytes_IsCutAndTheNextIsRead()
    {
        File.WriteAllText(Log, "one\n" + new string('x', 10_000_000) + "\ntwo\n");
        List<string> lines = Run();
        Assert.Equal(3, lines.Count);
        Assert.Equal(("one", "two"), (lines[0], lines[2]));
        Assert.InRange(lines[1].Length, 1, 1024 * 1024);
        Assert.Empty(Run());
    }

    [Fact]
    public void Run_UnfinishedLineOfTenMegabytes_IsLeftUntilItIsWhole()
    {
        File.WriteAllText(Log, "one\n" + new string('x', 10_000_000));
        Assert.Equal(["one"], Run());
        File.AppendAllText(Log, "y\ntwo\n");
        Assert.Equal("two", Run()[1]);
    }

    [Fact]
    public void Run_StepByStepAndInterruptedAfterEach_ReadsEveryLineOnce()
    {
        string[] expected = [.. Enumerable.Range(0, 60_000).Select(i => $"line {i} of a log that takes several blocks and several steps")];
        File.WriteAllLines(Log, expected);
        var read = new List<string>();
        bool atEnd = false;
        while (!atEnd)
        {
            using LogFileSource source = Open(stepBytes: 300_000)!;
            LogStep step = source.ReadStep(lines => Split(lines, read));
            (cursor, atEnd) = (step.Cursor, step.AtEnd);
        }

        Assert.True(expected.SequenceEqual(read, StringComparer.Ordinal), $"{read.Count} lines read");
    }

    [Fact]
    public void Run_InterruptedBetweenRotatedAndNewFile_ReadsEveryLineOnce()
    {
        File.WriteAllText(Log, Lines("old", 3000));
        using (LogFileSource first = Open(stepBytes: 1)!) cursor = first.ReadStep(_ => { }).Cursor;
        File.AppendAllText(Log, Lines("more", 3000));
        File.Move(Log, directory.File("auth.log.1"));
        File.WriteAllText(Log, Lines("new", 3000));
        var read = new List<string>();
        for (bool atEnd = false; !atEnd;)
        {
            using LogFileSource source = Open(stepBytes: 1)!;
            LogStep step = source.ReadStep(lines => Split(lines, read));
            (cursor, atEnd) = (step.Cursor, step.AtEnd);
        }

        Assert.Equal(Lines("more", 3000) + Lines("new", 3000), string.Concat(read.Select(l => l + '\n')));
    }

    [Fact]
    public void Open_Directory_IsRefused()
    {
        Directory.CreateDirectory(Log);
        Assert.Throws<LogSourceException>(() => Open());
    }

    [Fact]
    public void Open_Device_IsRefused()
    {
        File.CreateSymbolicLink(Log, "/dev/zero");
        Assert.Throws<LogSourceException>(() => Open());
    }

    [Fact]
    public void Open_Fifo_IsRefusedWithoutWaiting()
    {
        Assert.Equal(0, mkfifo(Log, 0x180));
        Assert.Throws<LogSourceException>(() => Open());
    }

    [Fact]
    public void Open_DamagedCursor_IsRefused()
    {
        File.WriteAllText(Log, "one\n");
        cursor = "file1 x";
        Assert.Throws<DamagedStateException>(() => Open());
    }

    private static string Lines(string word, int count) =>
        string.Concat(Enumerable.Range(0, count).Select(i => $"{word} {i}\n"));

    private static void Compress(string from, string to)
    {
        using FileStream input = File.OpenRead(from);
        using var output = new GZipStream(File.Create(to), CompressionLevel.Fastest);
        input.CopyTo(output);
    }

    private static void Split(ReadOnlySpan<byte> lines, List<string> into) =>
        into.AddRange(Encoding.UTF8.GetString(lines).Split('\n')[..^1]);

    private LogFileSource? Open(long stepBytes = 8 * 1024 * 1024) =>
        LogFileSource.Open(Log, null, new HashSet<string>(StringComparer.Ordinal), cursor, warnings, stepBytes);

    private List<string> Run()
    {
        var read = new List<string>();
        using LogFileSource? source = Open();
        if (source is null) return read;
        LogStep step;
        do step = source.ReadStep(lines => Split(lines, read));
        while (!step.AtEnd);
        cursor = step.Cursor;
        return read;
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mkfifo(string path, uint mode);
}
