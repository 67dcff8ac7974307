using System.Runtime.InteropServices;
using System.Text;

namespace RateWall.Commands;

/// <summary>
/// Starts a program that has nothing in common with this one: a session and a process group of its own, no terminal, no open
/// file. So no signal to the caller's group, and no end of the caller's login, reaches it.
/// </summary>
internal static partial class DetachedProcess
{
    // spawn.h
    private const short POSIX_SPAWN_SETSID = 0x80;
    private const int O_RDWR = 2; // asm-generic/fcntl.h

    // linux/close_range.h
    private const int CLOSE_RANGE_CLOEXEC = 4;

    /// <summary>posix_spawn's own objects have 336 and 80 bytes in glibc and in musl.</summary>
    private const int SpawnObjectLength = 512;

    /// <param name="command">The program's absolute path and its arguments.</param>
    /// <param name="environment">"NAME=value"; nothing else is inherited.</param>
    /// <exception cref="IOException">It did not start.</exception>
    public static unsafe void Start(IReadOnlyList<string> command, IReadOnlyList<string> environment)
    {
        KeepFilesFromChildren();
        byte* actions = stackalloc byte[SpawnObjectLength];
        byte* attributes = stackalloc byte[SpawnObjectLength];
        nint[] arguments = Pointers(command), variables = Pointers(environment);
        MustSucceed(posix_spawn_file_actions_init(actions));
        MustSucceed(posix_spawnattr_init(attributes));
        try
        {
            for (int descriptor = 0; descriptor <= 2; descriptor++)
                MustSucceed(posix_spawn_file_actions_addopen(actions, descriptor, "/dev/null", O_RDWR, 0));
            MustSucceed(posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID));
            fixed (nint* argv = arguments)
            fixed (nint* envp = variables)
                MustSucceed(posix_spawn(out _, command[0], actions, attributes, argv, envp));
        }
        finally
        {
            _ = posix_spawn_file_actions_destroy(actions);
            _ = posix_spawnattr_destroy(attributes);
            foreach (nint text in arguments.Concat(variables)) Marshal.FreeCoTaskMem(text);
        }
    }

    /// <summary>
    /// The runtime's own files are closed in children already; this closes what the caller was given, such as the pipe of
    /// whoever reads its answer and would wait for the child's end too.
    /// </summary>
    private static void KeepFilesFromChildren()
    {
        try
        {
            _ = close_range(3, uint.MaxValue, CLOSE_RANGE_CLOEXEC);
        }
        catch (EntryPointNotFoundException)
        {
            // A libc before glibc 2.34: what the caller inherited, the child inherits too. It holds the files, it reads none.
        }
    }

    private static nint[] Pointers(IReadOnlyList<string> texts) => [.. texts.Select(Marshal.StringToCoTaskMemUTF8), 0];

    private static void MustSucceed(int errno)
    {
        if (errno != 0) throw new IOException($"a process to hold the deadline cannot be started: {Marshal.GetPInvokeErrorMessage(errno)}");
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int posix_spawn(out int pid, string path, byte* fileActions, byte* attributes, nint* argv, nint* envp);

    [LibraryImport("libc")]
    private static unsafe partial int posix_spawn_file_actions_init(byte* fileActions);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int posix_spawn_file_actions_addopen(byte* fileActions, int descriptor, string path, int flags, uint mode);

    [LibraryImport("libc")]
    private static unsafe partial int posix_spawn_file_actions_destroy(byte* fileActions);

    [LibraryImport("libc")]
    private static unsafe partial int posix_spawnattr_init(byte* attributes);

    [LibraryImport("libc")]
    private static unsafe partial int posix_spawnattr_setflags(byte* attributes, short flags);

    [LibraryImport("libc")]
    private static unsafe partial int posix_spawnattr_destroy(byte* attributes);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int close_range(uint first, uint last, int flags);
}
