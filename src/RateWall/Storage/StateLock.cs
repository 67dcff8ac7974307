using System.Runtime.CompilerServices;
using Polly;

namespace RateWall.Storage;

/// <summary>
/// The locks of the state directory. They are flock(2) locks on files that stay: the kernel gives them back when their
/// holder dies, so a killed program leaves nothing to clean up.
/// </summary>
public sealed class StateLock : IDisposable
{
    private const string WallLock = "wall.lock";
    private const int EWOULDBLOCK = 11; // asm-generic/errno.h, the errno that .NET keeps as HResult

    private readonly FileStream file;

    private StateLock(FileStream file) => this.file = file;

    /// <summary>
    /// The lock of all writers: whoever changes the wall or the state holds it, for milliseconds. Waits up to ten seconds.
    /// </summary>
    /// <exception cref="StateException">Another writer did not finish in time.</exception>
    /// <exception cref="UnauthorizedAccessException">The state directory may not be written.</exception>
    public static StateLock Wall(string directory, TimeProvider time, TextWriter messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return Try(directory, WallLock) ?? WaitFor(Path.Combine(directory, WallLock), time, messages);
    }

    /// <summary>The lock of the one correlate run at a time; null when another run holds it.</summary>
    /// <exception cref="UnauthorizedAccessException">The state directory may not be written.</exception>
    public static StateLock? TryRun(string directory) => Try(directory, "correlate.lock");

    /// <summary>The lock of the one watch at a time; null when another holds it.</summary>
    /// <exception cref="UnauthorizedAccessException">The state directory may not be written.</exception>
    public static StateLock? TryWatch(string directory) => Try(directory, "watch.lock");

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    internal static bool IsHeldByAnother(IOException e) => e.HResult == EWOULDBLOCK;

    private static StateLock? Try(string directory, string name)
    {
        StateDirectory.Create(directory);
        try
        {
            return new(OpenFile(Path.Combine(directory, name)));
        }
        catch (IOException e) when (IsHeldByAnother(e))
        {
            return null;
        }
    }

    // By itself: the library that waits, and what it loads, take 3 MB, and the lock is nearly always free.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static StateLock WaitFor(string path, TimeProvider time, TextWriter messages)
    {
        ResiliencePipeline wait = Resilience.LockWait(time, () => messages.WriteLine("ratewall: waiting for another ratewall to finish"));
        try
        {
            return wait.Execute(() => new StateLock(OpenFile(path)));
        }
        catch (IOException e) when (IsHeldByAnother(e))
        {
            throw new StateException(
                $"another ratewall has held {path} for {Resilience.LockPatience.TotalSeconds:0} s; see who with 'fuser {path}'", e);
        }
    }

    // FileShare.None is flock(LOCK_EX | LOCK_NB) on Unix, and the handle is not inherited.
    private static FileStream OpenFile(string path) =>
        new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
}
